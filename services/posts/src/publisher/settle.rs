//! What an outcome makes of a target, whose post is locked. No I/O.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AccountId, PostId, TargetId};

use super::backoff::{is_over, look_pause, pause, pause_as_asked};
use crate::{
    post::{ACCOUNT_DISCONNECTED, CommentStatus, IN_PROGRESS, Move, Part, TargetStatus},
    store::{
        attempts::{EndedAttempt, WITHDRAWN},
        outgoing::{Failure, OutgoingPost, OutgoingTarget, class},
    },
};

/// The code of what could not be found out: it may be out.
const UNDECIDABLE: &str = "undecidable";
/// The code of a target that was not sent in time.
const TOO_LATE: &str = "too_late";
/// Bounds of how long a target is put off for want of something of our own.
const SHORTEST_DEFERRAL: TimeDelta = TimeDelta::seconds(5);
const LONGEST_DEFERRAL: TimeDelta = TimeDelta::minutes(30);

/// What became of a sending, or of a look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The network has it.
    Sent { external_id: String, external_url: String },
    /// The network does not have it, and says so.
    Failed { transient: bool, code: String, message: String, retry_after: Option<Duration> },
    /// It was not even tried, for want of something of our own: this is no try.
    Withheld { code: String, message: String },
    /// Nobody knows whether the network has it. `over`: whether it is at least known that it was sent, or never will be.
    Unknown { code: String, message: String, over: bool },
    /// The network certainly does not have it, and will not.
    NotThere,
    /// It cannot be told, now or ever.
    Undecided { look_again: bool, message: String, retry_after: Option<Duration> },
    /// The network could not be asked.
    NotAsked,
}

/// Code and message of a sending whose process ended before there was an answer.
pub(super) const INTERRUPTED: (&str, &str) =
    ("interrupted", "the sending was interrupted; the network is asked whether it has it");

impl Outcome {
    /// Whether a sending goes on where it stopped: nothing of it can be seen yet, and nothing went wrong.
    pub(super) fn is_in_progress(&self) -> bool {
        matches!(self, Self::Failed { transient: true, code, .. } if code == IN_PROGRESS)
    }

    /// A name for metrics.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "published",
            Self::Failed { .. } if self.is_in_progress() => "in_progress",
            Self::Failed { transient: true, .. } => "failed_transient",
            Self::Failed { transient: false, .. } => "failed_permanent",
            Self::Withheld { .. } => "withheld",
            Self::Unknown { .. } => "unknown",
            Self::NotThere => "not_there",
            Self::Undecided { .. } => "undecided",
            Self::NotAsked => "not_asked",
        }
    }
}

/// An outcome and what it belongs to.
#[derive(Debug, Clone)]
pub(super) struct Done {
    pub(super) post_id: PostId,
    pub(super) target_id: TargetId,
    pub(super) account_id: AccountId,
    pub(super) platform: i16,
    /// The right by which it was done: it counts for no other.
    pub(super) version: i64,
    /// When it was claimed: before anything was sent or asked.
    pub(super) claim_time: DateTime<Utc>,
    /// How late a target is that was not sent before.
    pub(super) lateness: Option<TimeDelta>,
    pub(super) part: Part,
    pub(super) outcome: Outcome,
}

/// Settles an outcome; one that comes too late changes nothing. Answers what becomes of the attempt.
pub(super) fn settle(
    post: &mut OutgoingPost,
    done: &Done,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    let place = post.place_of(done.target_id)?;
    let (target, part) = (&post.targets[place], done.part);
    if target.version != done.version {
        return None;
    }
    let is_unknown = match part {
        Part::Post => target.status == TargetStatus::Unknown,
        Part::FirstComment => target.comment == CommentStatus::Unknown,
    };
    match &done.outcome {
        Outcome::Sent { external_id, external_url } => {
            sent(post, place, part, external_id, external_url, now)
        }
        Outcome::Failed { transient, code, message, retry_after } => {
            let error = failure(
                code,
                message,
                if *transient { class::TRANSIENT } else { class::PERMANENT },
            );
            if *transient {
                let again = if done.outcome.is_in_progress() {
                    Again { wait: pause_as_asked(*retry_after), tried: Tried::Continues }
                } else {
                    let wait = pause(tries(post, place), *retry_after, spread(done.target_id));
                    Again { wait, tried: Tried::Sent }
                };
                repeat(post, place, part, error, again, now)
            } else {
                fail(post, place, part, error)
            }
        }
        Outcome::Withheld { code, message } => {
            let wait = deferral(target, now).to_std().unwrap_or_default();
            let again = Again { wait, tried: Tried::Nothing };
            repeat(post, place, part, failure(code, message, class::TRANSIENT), again, now)
        }
        #[cfg(feature = "sabotage")]
        Outcome::Unknown { code, message, .. } if is_sabotaged() => {
            let again = Again { wait: Duration::ZERO, tried: Tried::Sent };
            repeat(post, place, part, failure(code, message, class::UNKNOWN), again, now)
        }
        Outcome::Unknown { code, message, over } => {
            lose(post, place, part, failure(code, message, class::UNKNOWN), *over, now)
        }
        Outcome::NotThere
            if is_unknown && target.in_transit_until.is_some_and(|at| at > done.claim_time) =>
        {
            // It could still arrive when the network was asked: its absence counts only after that.
            let target = post.touch(place);
            target.looks += 1;
            let looks = u32::try_from(target.looks).unwrap_or(u32::MAX);
            let wait = look_pause(looks, None, spread(done.target_id));
            // However often it was looked for: the last look comes when it is over.
            let next = wait.map(|wait| now + delta(wait));
            let over = target.in_transit_until.map(|over| over.max(now));
            target.due_time = next.min(over).or(over);
            None
        }
        Outcome::NotThere if is_unknown => {
            let error = failure("not_received", "the network does not have it", class::TRANSIENT);
            // The first time the look was pause enough.
            let wait = match tries(post, place) {
                0 | 1 => Duration::ZERO,
                more => pause(more - 1, None, spread(done.target_id)),
            };
            repeat(post, place, part, error, Again { wait, tried: Tried::Sent }, now)
        }
        Outcome::Undecided { look_again, message, retry_after } if is_unknown => {
            let look = Look { again: *look_again, message, retry_after: *retry_after };
            look_again_or_end(post, place, part, look, now)
        }
        Outcome::NotAsked if is_unknown => {
            let message = "the network could not be asked whether it has it";
            let look = Look { again: true, message, retry_after: None };
            look_again_or_end(post, place, part, look, now)
        }
        Outcome::NotThere | Outcome::Undecided { .. } | Outcome::NotAsked => None,
    }
}

/// The broken mechanism: an answer that was lost is taken for a refusal.
#[cfg(feature = "sabotage")]
fn is_sabotaged() -> bool {
    postbreeze_runtime::sabotage::is_broken(postbreeze_runtime::sabotage::Mechanism::Publishing)
}

fn sent(
    post: &mut OutgoingPost,
    place: usize,
    part: Part,
    external_id: &str,
    external_url: &str,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    if !make_move(post, place, part, Move::Publish) {
        return None;
    }
    set_error(post, place, part, Failure::default());
    let follows = !post.is_gone;
    let target = post.touch(place);
    target.due_time = None;
    if part == Part::FirstComment {
        external_id.clone_into(&mut target.external_comment_id);
        return None;
    }
    target.publish_time = Some(now);
    external_id.clone_into(&mut target.external_post_id);
    external_url.clone_into(&mut target.external_url);
    if target.has_first_comment && follows {
        target.comment = CommentStatus::Pending;
        // One of a target that was stopped is ended then.
        target.due_time = Some(now);
        (target.tries, target.looks, target.first_try_time) = (0, 0, None);
    }
    Some(ended(post, place, "published"))
}

/// A look that did not tell whether the network has it.
struct Look<'a> {
    /// Whether another can tell.
    again: bool,
    message: &'a str,
    retry_after: Option<Duration>,
}

/// Looks for it later, more and more rarely. After a day of looks, or where none can help, it ends as what nobody knows.
fn look_again_or_end(
    post: &mut OutgoingPost,
    place: usize,
    part: Part,
    look: Look<'_>,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    let target = post.touch(place);
    target.looks += 1;
    let looks = u32::try_from(target.looks).unwrap_or(u32::MAX);
    let wait = look_pause(looks, look.retry_after, spread(target.id));
    match wait.filter(|_| look.again) {
        Some(wait) => {
            target.due_time = Some(now + delta(wait));
            None
        }
        None => fail(post, place, part, failure(UNDECIDABLE, look.message, class::UNKNOWN)),
    }
}

/// How something is tried again.
struct Again {
    wait: Duration,
    tried: Tried,
}

/// How far the try before came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tried {
    /// It was sent.
    Sent,
    /// It was sent, and the network still works on it: it does not count as a try.
    Continues,
    /// Nothing left this system: it was neither a try nor an attempt.
    Nothing,
}

/// To be tried again after a while, unless that was done often or long enough, or nothing of the post may start any more.
fn repeat(
    post: &mut OutgoingPost,
    place: usize,
    part: Part,
    error: Failure,
    again: Again,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    let target = &post.targets[place];
    let age = target.first_try_time.and_then(|first| (now - first).to_std().ok());
    let tries = tries(post, place).saturating_sub(u32::from(again.tried != Tried::Sent));
    // A post that was never sent ends by its lateness, when it is claimed next.
    let is_untried = part == Part::Post && again.tried == Tried::Nothing && tries == 0;
    let over = !is_untried && is_over(tries, age.unwrap_or_default());
    let ends = over || post.is_gone || target.account_gone || target.is_stopped;
    if again.tried == Tried::Nothing && part == Part::Post {
        return withdraw(post, place, error, again.wait, ends, now);
    }
    if ends {
        return fail(post, place, part, error);
    }
    if !make_move(post, place, part, Move::Repeat) {
        return None;
    }
    set_error(post, place, part, error);
    let target = post.touch(place);
    target.due_time = Some(now + delta(again.wait));
    if again.tried != Tried::Sent {
        target.tries -= 1;
    }
    (part == Part::Post).then(|| ended(post, place, "failed"))
}

/// Takes an attempt back that did not leave this system. `ends`: the target is not tried again.
fn withdraw(
    post: &mut OutgoingPost,
    place: usize,
    error: Failure,
    wait: Duration,
    ends: bool,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    let target = &post.targets[place];
    let withdrawn = EndedAttempt { error: error.clone(), ..ended(post, place, WITHDRAWN) };
    let error = if target.error.code == IN_PROGRESS { target.error.clone() } else { error };
    let is_unsent = target.attempt_count <= 1 || target.is_stopped;
    let (what, error) = match (ends, is_unsent) {
        (false, _) => (Move::Repeat, error),
        (true, false) => (Move::Fail, error),
        (true, true) if target.account_gone => (Move::Drop, Failure::account_disconnected()),
        (true, true) => (Move::Drop, error),
    };
    if !make_move(post, place, Part::Post, what) {
        return None;
    }
    set_error(post, place, Part::Post, error);
    let target = post.touch(place);
    target.tries -= 1;
    target.attempt_count -= 1;
    target.due_time = (!ends).then(|| now + delta(wait));
    Some(withdrawn)
}

fn fail(post: &mut OutgoingPost, place: usize, part: Part, error: Failure) -> Option<EndedAttempt> {
    let target = &post.targets[place];
    // The account was disconnected before anything of the target was sent: it is canceled, as all others of the account. And
    // so is what would have failed when the rest of the post was canceled.
    let is_unsent = error.code == ACCOUNT_DISCONNECTED
        && target.status == TargetStatus::Publishing
        && target.attempt_count == 1;
    let dropped = part == Part::Post && (is_unsent || target.is_stopped);
    if !make_move(post, place, part, if dropped { Move::Drop } else { Move::Fail }) {
        return None;
    }
    set_error(post, place, part, error);
    post.touch(place).due_time = None;
    (part == Part::Post).then(|| ended(post, place, "failed"))
}

/// Nobody knows what became of it: it is looked for soon. `over`: whether it is at least known that it arrives no more if it
/// has not arrived.
pub(super) fn lose(
    post: &mut OutgoingPost,
    place: usize,
    part: Part,
    error: Failure,
    over: bool,
    now: DateTime<Utc>,
) -> Option<EndedAttempt> {
    if !make_move(post, place, part, Move::Lose) {
        return None;
    }
    set_error(post, place, part, error);
    let number = spread(post.targets[place].id);
    let target = post.touch(place);
    target.looks = 0;
    if over {
        target.in_transit_until = None;
    }
    target.due_time = look_pause(0, None, number).map(|wait| now + delta(wait));
    (part == Part::Post).then(|| ended(post, place, "unknown"))
}

/// Ends a first comment that was to follow a target of a post whose rest was canceled.
pub(super) fn stop_comment(post: &mut OutgoingPost, place: usize) {
    let error = failure("canceled", "the rest of the post was canceled", class::PERMANENT);
    fail(post, place, Part::FirstComment, error);
}

/// Ends a target that waits and was not sent in time: FAILED. A retry sends it all the same.
pub(super) fn end_too_late(post: &mut OutgoingPost, place: usize) {
    if !make_move(post, place, Part::Post, Move::Fail) {
        return;
    }
    let message = "it was not sent in time";
    set_error(post, place, Part::Post, failure(TOO_LATE, message, class::TRANSIENT));
    post.touch(place).due_time = None;
}

/// For how long a target is put off that cannot be dealt with for want of something of our own: longer the longer that lasts.
pub(super) fn deferral(target: &OutgoingTarget, now: DateTime<Utc>) -> TimeDelta {
    let since = target.first_try_time.or(target.ready_time).or(target.due_time);
    let age = since.map_or(TimeDelta::zero(), |since| now - since);
    (age / 10).clamp(SHORTEST_DEFERRAL, LONGEST_DEFERRAL)
}

fn make_move(post: &mut OutgoingPost, place: usize, part: Part, what: Move) -> bool {
    match part {
        Part::Post => match post.state().moved(place, what) {
            Some(state) => post.set_state(state),
            None => return false,
        },
        Part::FirstComment => match post.targets[place].comment.moved(what) {
            Some(comment) => {
                post.touch(place).comment = comment;
                post.note_change();
            }
            None => return false,
        },
    }
    true
}

fn set_error(post: &mut OutgoingPost, place: usize, part: Part, error: Failure) {
    let target = post.touch(place);
    match part {
        Part::Post => target.error = error,
        Part::FirstComment => target.comment_error = error,
    }
}

fn ended(post: &OutgoingPost, place: usize, status: &'static str) -> EndedAttempt {
    let target = &post.targets[place];
    EndedAttempt {
        post_id: post.id,
        target_id: target.id,
        attempt_number: target.attempt_count,
        status,
        external_post_id: target.external_post_id.clone(),
        external_url: target.external_url.clone(),
        error: target.error.clone(),
    }
}

pub(super) fn failure(code: &str, message: &str, class: &'static str) -> Failure {
    Failure { code: code.to_owned(), message: message.to_owned(), class }
}

fn tries(post: &OutgoingPost, place: usize) -> u32 {
    u32::try_from(post.targets[place].tries).unwrap_or(0)
}

/// A number of a target's own.
fn spread(target_id: TargetId) -> u64 {
    target_id.uuid().as_u64_pair().1
}

fn delta(wait: Duration) -> TimeDelta {
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests;
