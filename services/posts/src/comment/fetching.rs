//! When comments are fetched by themselves, and what is kept of what a network tells.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_proto::{internal::v1::FetchedComment, time::from_proto};

use crate::text::cut;

/// How long a published target can be refreshed.
pub const REFRESHED_FOR: TimeDelta = TimeDelta::days(30);

const FETCHED_FOR: TimeDelta = TimeDelta::days(7);
const FIRST_PAUSE: TimeDelta = TimeDelta::minutes(5);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(6);

const BODY_CHARS: usize = 10_000;
const NAME_CHARS: usize = 300;
const URL_CHARS: usize = 2_048;
const EXTERNAL_ID_CHARS: usize = 1_024;

/// When the comments of a target are fetched next by themselves; `None`: not any more.
#[must_use]
pub fn next_fetch(publish_time: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let age = now - publish_time;
    let pause = if age < TimeDelta::hours(1) {
        FIRST_PAUSE
    } else if age < TimeDelta::days(1) {
        TimeDelta::minutes(30)
    } else if age < FETCHED_FOR {
        LONGEST_PAUSE
    } else {
        return None;
    };
    Some(now + pause)
}

/// The same for a target whose comments its network does not tell.
#[must_use]
pub fn postponed(publish_time: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    next_fetch(publish_time, now).map(|next| next.max(now + LONGEST_PAUSE))
}

/// How long an account is left alone after a fetch that failed. `failures`: how many did one after another. A network that
/// asks for a pause gets it; a failure that does not go away by itself is met again in hours.
#[must_use]
pub fn pause(failures: i32, transient: bool, asked_for: Option<Duration>) -> TimeDelta {
    let grown = FIRST_PAUSE * 2_i32.pow(u32::try_from(failures.clamp(1, 8)).unwrap_or(1) - 1);
    let own = if transient { grown.min(LONGEST_PAUSE) } else { LONGEST_PAUSE };
    let asked_for = asked_for.and_then(|wait| TimeDelta::from_std(wait).ok());
    asked_for.unwrap_or_default().max(own)
}

/// A comment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewComment {
    /// The network's own id.
    pub external_id: String,
    /// Who wrote it.
    pub author_handle: String,
    /// The name the network shows.
    pub author_display_name: String,
    /// The picture the network shows.
    pub author_avatar_url: String,
    /// The text.
    pub body: String,
    /// When it was written.
    pub network_time: DateTime<Utc>,
}

/// What is kept of what a network tells; `None` when it cannot be told from others. Texts are cut to what is stored, and a
/// time that is ahead of ours is now: lists are sorted by it.
#[must_use]
pub fn kept(fetched: FetchedComment, now: DateTime<Utc>) -> Option<NewComment> {
    let external_id = fetched.external_id;
    if external_id.is_empty() || external_id.len() > EXTERNAL_ID_CHARS || external_id.contains('\0')
    {
        return None;
    }
    let network_time = fetched.network_time.as_ref().and_then(from_proto).unwrap_or(now);
    Some(NewComment {
        external_id,
        author_handle: cut(&fetched.author_handle, NAME_CHARS),
        author_display_name: cut(&fetched.author_display_name, NAME_CHARS),
        // A URL that is cut leads elsewhere.
        author_avatar_url: Some(cut(&fetched.author_avatar_url, URL_CHARS + 1))
            .filter(|url| url.chars().count() <= URL_CHARS)
            .unwrap_or_default(),
        body: cut(&fetched.body, BODY_CHARS),
        network_time: network_time.min(now),
    })
}

#[cfg(test)]
mod tests {
    use postbreeze_proto::time::to_proto;

    use super::*;

    fn noon() -> DateTime<Utc> {
        DateTime::from_timestamp(1_781_524_800, 0).unwrap()
    }

    #[test]
    fn comments_are_fetched_ever_less_often_for_a_week() {
        let published = noon();
        let mut now = published;
        let mut fetches = Vec::new();
        while let Some(next) = next_fetch(published, now) {
            assert!(next > now);
            now = next;
            fetches.push(now - published);
        }
        let within = |age: TimeDelta| fetches.iter().filter(|at| **at <= age).count();
        assert_eq!(fetches[0], TimeDelta::minutes(5));
        assert_eq!(within(TimeDelta::hours(1)), 12);
        assert_eq!(within(TimeDelta::days(1)), 12 + 46);
        assert_eq!(fetches.len(), 12 + 46 + 24);
        assert_eq!(now - published, TimeDelta::days(7));
    }

    #[test]
    fn what_is_not_told_is_asked_for_rarely_and_not_for_ever() {
        assert_eq!(postponed(noon(), noon()), Some(noon() + LONGEST_PAUSE));
        let late = noon() + FETCHED_FOR;
        assert_eq!(postponed(noon(), late), None);
    }

    #[test]
    fn pauses_grow_and_are_never_shorter_than_what_was_asked_for() {
        let minutes = |failures| pause(failures, true, None).num_minutes();
        assert_eq!([1, 2, 3, 4].map(minutes), [5, 10, 20, 40]);
        assert_eq!([7, 8, 9, i32::MAX].map(minutes), [320, 360, 360, 360]);
        assert_eq!([0, -1].map(minutes), [5, 5]);
        assert_eq!(pause(1, false, None), LONGEST_PAUSE);
        let asked = Some(Duration::from_hours(1));
        assert_eq!(pause(1, true, asked), TimeDelta::hours(1));
        assert_eq!(pause(5, true, asked), TimeDelta::minutes(80));
        assert_eq!(pause(1, true, Some(Duration::MAX)), FIRST_PAUSE);
    }

    #[test]
    fn what_a_network_tells_is_kept_within_bounds() {
        let fetched = FetchedComment {
            external_id: "1".to_owned(),
            author_handle: "a\0nn".to_owned(),
            author_display_name: "é".repeat(1_000),
            author_avatar_url: format!("https://example.com/{}", "x".repeat(3_000)),
            body: "\u{1f980}".repeat(20_000),
            network_time: Some(to_proto(noon() + TimeDelta::days(1))),
        };
        let comment = kept(fetched.clone(), noon()).unwrap();
        assert_eq!(comment.author_handle, "ann");
        assert_eq!(comment.author_display_name.chars().count(), NAME_CHARS);
        assert_eq!(comment.author_avatar_url, "");
        assert_eq!(comment.body.chars().count(), BODY_CHARS);
        assert_eq!(comment.network_time, noon());
        let undated = FetchedComment { network_time: None, ..fetched.clone() };
        assert_eq!(kept(undated, noon()).unwrap().network_time, noon());
        for external_id in ["", "a\0", &"x".repeat(1_025)] {
            let nameless =
                FetchedComment { external_id: external_id.to_owned(), ..fetched.clone() };
            assert_eq!(kept(nameless, noon()), None);
        }
    }
}
