//! What sendings of several steps share: waiting until a network has done its part, the parts of a large medium, and finding
//! what was sent among what an account has.

use std::{future::Future, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use postbreeze_proto::{internal::v1::MediaToPublish, time::from_proto};
use prost_types::Timestamp;
use tokio::time::sleep;

use super::{
    Failure, Found, Outcome, Progress, Sent, Session,
    http::{Http, Problem},
    time_left,
};

/// What is read of a medium and sent at a time. Networks want multiples of 256 KiB and at least 5 MiB.
pub(crate) const PART_BYTES: u64 = 8 * 1_024 * 1_024;
/// A network's clock may be behind ours by this.
const SKEW: TimeDelta = TimeDelta::minutes(2);
/// What was sent longer ago than this does not arrive any more.
const ARRIVES_WITHIN: TimeDelta = TimeDelta::minutes(3);
/// When to look again for what may still arrive.
const LOOK_AFTER: Duration = Duration::from_mins(1);
/// Things of an account that are looked through.
const LISTED: usize = 500;
/// A part is given this long.
const PART_WITHIN: Duration = Duration::from_secs(30);

/// Whether a network has done its part.
pub(crate) enum Ready {
    /// It has.
    Now,
    /// Ask again after this.
    In(Duration),
}

/// Asks until a network has done its part, or the call ends; then it is a failure that says to try again.
pub(crate) async fn until_ready<F, A>(mut ask: F) -> Result<(), Failure>
where
    F: FnMut() -> A,
    A: Future<Output = Result<Ready, Failure>>,
{
    loop {
        match ask().await? {
            Ready::Now => return Ok(()),
            Ready::In(wait) if wait < time_left() => sleep(wait).await,
            Ready::In(wait) => return Err(in_progress(wait)),
        }
    }
}

/// The network is still processing.
pub(crate) fn in_progress(wait: Duration) -> Failure {
    Failure::transient("in_progress", "the network is still processing the media").after(Some(wait))
}

/// Whether the call lasts long enough to send one more part.
pub(crate) fn has_time() -> bool {
    time_left() > Duration::from_secs(5)
}

/// The bytes of a medium from one to the other, the last included.
///
/// # Errors
/// When they cannot be read now.
pub(crate) async fn part(
    http: &Http,
    medium: &MediaToPublish,
    first: u64,
    last: u64,
) -> Result<Bytes, Failure> {
    let mut read = piece(http, medium, first, last.min(first + PART_BYTES - 1)).await?;
    let mut next = first + PART_BYTES;
    while next <= last {
        let more = piece(http, medium, next, last.min(next + PART_BYTES - 1)).await?;
        read = [read, more].concat().into();
        next += PART_BYTES;
    }
    Ok(read)
}

/// What is read at a time.
async fn piece(
    http: &Http,
    medium: &MediaToPublish,
    first: u64,
    last: u64,
) -> Result<Bytes, Failure> {
    let unreadable = |message: &str| {
        Failure::transient("media_unreadable", &format!("the medium cannot be read: {message}"))
    };
    let request = http.read(medium).within(PART_WITHIN);
    let answer = request.header("range", &format!("bytes={first}-{last}")).send().await;
    let answer = answer.map_err(|problem| unreadable(&problem.to_string()))?;
    // A store that knows no ranges answers with all of it.
    let is_whole = first == 0 && answer.status == StatusCode::OK;
    let is_all_there = u64::try_from(answer.body.len()) == Ok(last - first + 1);
    if is_all_there && (is_whole || answer.status == StatusCode::PARTIAL_CONTENT) {
        Ok(answer.body)
    } else {
        Err(unreadable(&format!("the store answered {}", answer.status)))
    }
}

/// The size of a medium.
pub(crate) fn size(medium: &MediaToPublish) -> u64 {
    u64::try_from(medium.size_bytes).unwrap_or(0)
}

/// Whether a medium is a video.
pub(crate) fn is_video(medium: &MediaToPublish) -> bool {
    medium.content_type.starts_with("video/")
}

/// From when on something that was first tried at this time may be there.
pub(crate) fn since(first_attempt_time: Option<&Timestamp>) -> DateTime<Utc> {
    first_attempt_time.and_then(from_proto).unwrap_or(DateTime::UNIX_EPOCH) - SKEW
}

/// What a complete search that found nothing means: it is not there, once nothing can arrive any more.
pub(crate) fn absent(session: &Session, progress: &Progress) -> Found {
    match progress.last_attempt_time {
        Some(tried) if session.now - tried < ARRIVES_WITHIN => {
            Found::not_yet("what was sent may still arrive", Some(LOOK_AFTER))
        }
        _ => Found::NotThere,
    }
}

/// What a search that found this means. `is_whole`: everything since the first try was looked through; a list that was cut off
/// proves nothing.
pub(crate) fn found(
    sent: Option<Sent>,
    is_whole: bool,
    session: &Session,
    progress: &Progress,
) -> Found {
    match sent.map_or_else(|| absent(session, progress), Found::There) {
        Found::NotThere if !is_whole => {
            cannot_tell("the account has published too much since to look through")
        }
        found => found,
    }
}

/// What a network lists, the newest first.
pub(crate) struct Listed<T> {
    /// As much as is looked through.
    pub(crate) items: Vec<T>,
    /// Whether that is all there is.
    pub(crate) is_all: bool,
}

impl<T> Listed<T> {
    /// Whether everything since this time is in it.
    pub(crate) fn reaches(
        &self,
        since: DateTime<Utc>,
        time: impl Fn(&T) -> Option<DateTime<Utc>>,
    ) -> bool {
        self.is_all || self.items.iter().filter_map(time).any(|time| time < since)
    }
}

/// Lists what is newer than a time, page after page. `page` makes a page, and where the next one begins.
pub(crate) async fn list_since<T, P, F, A>(
    since: DateTime<Utc>,
    time: impl Fn(&T) -> Option<DateTime<Utc>>,
    page: F,
) -> Result<Listed<T>, Problem>
where
    F: Fn(Option<P>) -> A,
    A: Future<Output = Result<(Vec<T>, Option<P>), Problem>>,
{
    let mut listed = Listed { items: Vec::new(), is_all: false };
    let mut place = None;
    loop {
        let (items, next) = page(place).await?;
        listed.is_all = next.is_none() || items.is_empty();
        listed.items.extend(items);
        if listed.items.len() >= LISTED || listed.reaches(since, &time) {
            return Ok(listed);
        }
        place = next;
    }
}

/// The network cannot be asked.
pub(crate) fn cannot_tell(message: &str) -> Found {
    Found::Undecided { look_again: false, message: message.to_owned(), retry_after: None }
}

/// What was prepared may be what was refused, as it does not last for ever: the next try prepares it anew.
pub(crate) async fn forget_refused(outcome: Outcome, progress: &mut Progress) -> Outcome {
    match &outcome {
        Outcome::Failed(failure) if !failure.transient && failure.token.is_none() => {
            match progress.keep(&serde_json::json!({})).await {
                Ok(()) => outcome,
                Err(failure) => failure.into(),
            }
        }
        _ => outcome,
    }
}

/// Whether two texts are the same but for white space, which networks change.
pub(crate) fn same_text(one: &str, other: &str) -> bool {
    one.split_whitespace().eq(other.split_whitespace())
}
