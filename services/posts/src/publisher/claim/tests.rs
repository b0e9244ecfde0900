//! The law of the publisher: whatever state a target is in, a poll moves it on, and after finitely many polls it is over.

use std::time::Duration;

use postbreeze_runtime::{Environment, clock::Clock};

use super::*;
use crate::{
    post::{CommentStatus, TargetStatus, follow},
    publisher::settle::{Done, Outcome, settle},
};

const MAX_LATENESS: TimeDelta = TimeDelta::hours(24);

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000_000 + seconds, 0).unwrap()
}

fn rules(is_open: bool) -> Rules {
    let terms = Terms {
        lease: TimeDelta::minutes(1),
        publish_within: Duration::from_mins(5),
        max_lateness: MAX_LATENESS,
    };
    Rules { terms, is_open }
}

fn minter() -> Minter {
    Environment::new(Clock::system()).minter
}

/// Everything on which depends what becomes of a target that is due.
#[derive(Debug, Clone, Copy)]
struct Case {
    post: PostStatus,
    target: TargetStatus,
    comment: CommentStatus,
    /// The other target of the post; none: there is one alone.
    other: Option<TargetStatus>,
    attempts: i32,
    tries: i32,
    account_gone: bool,
    is_gone: bool,
    is_stopped: bool,
    /// When the post is scheduled for, and the target was to be sent: seconds from now.
    scheduled: i64,
    ready: Option<i64>,
}

impl Case {
    fn post(self) -> OutgoingPost {
        let mut post = OutgoingPost::example();
        post.status = self.post;
        post.is_gone = self.is_gone;
        post.scheduled_time = Some(at(self.scheduled));
        let mut other = post.targets[0].clone();
        let target = &mut post.targets[0];
        target.status = self.target;
        target.comment = self.comment;
        target.attempt_count = self.attempts;
        target.tries = self.tries;
        target.account_gone = self.account_gone;
        target.is_stopped = self.is_stopped;
        target.ready_time = self.ready.map(at);
        target.due_time = Some(at(0));
        target.first_try_time = (self.tries > 0).then(|| at(-60));
        if let Some(status) = self.other {
            other.id = postbreeze_ids::Id::from_uuid(uuid::Uuid::from_u128(99));
            other.status = status;
            post.targets.push(other);
        }
        post
    }

    /// Whether the API can bring a post there: it is as it was asked for and nothing began, or it follows from its targets.
    fn is_consistent(self) -> bool {
        let targets: Vec<_> = [Some(self.target), self.other].into_iter().flatten().collect();
        let is_untouched =
            targets.iter().all(|one| matches!(one, TargetStatus::Pending | TargetStatus::Canceled));
        let is_asked_for = matches!(
            self.post,
            PostStatus::Draft | PostStatus::NeedsApproval | PostStatus::Scheduled
        );
        is_asked_for && is_untouched || self.post == follow(&targets)
    }

    fn all() -> impl Iterator<Item = Self> {
        const FLAGS: [bool; 2] = [false, true];
        let parts = TargetStatus::ALL.iter().flat_map(|target| {
            let comments = match target {
                TargetStatus::Published => CommentStatus::ALL,
                _ => &[CommentStatus::None],
            };
            comments.iter().map(|comment| (*target, *comment))
        });
        let others = [None].into_iter().chain(TargetStatus::ALL.iter().copied().map(Some));
        let parts: Vec<_> = parts
            .flat_map(|part| others.clone().map(move |other| (part, other)))
            .flat_map(|part| PostStatus::ALL.iter().map(move |post| (*post, part)))
            .collect();
        let flags: Vec<_> = FLAGS
            .iter()
            .flat_map(|one| FLAGS.iter().map(move |two| (*one, *two)))
            .flat_map(|flags| FLAGS.iter().map(move |three| (flags.0, flags.1, *three)))
            .collect();
        let counts = [(0, 0), (2, 0), (2, 1)];
        let clocks = [-1, -100_000, 100]
            .into_iter()
            .flat_map(|scheduled| [None, Some(-1), Some(-100_000)].map(|ready| (scheduled, ready)));
        let clocks: Vec<_> = clocks.collect();
        parts.into_iter().flat_map(move |(post, ((target, comment), other))| {
            let (flags, clocks) = (flags.clone(), clocks.clone());
            flags.into_iter().flat_map(move |(account_gone, is_gone, is_stopped)| {
                let clocks = clocks.clone();
                counts.into_iter().flat_map(move |(attempts, tries)| {
                    clocks.clone().into_iter().map(move |(scheduled, ready)| Self {
                        post,
                        target,
                        comment,
                        other,
                        attempts,
                        tries,
                        account_gone,
                        is_gone,
                        is_stopped,
                        scheduled,
                        ready,
                    })
                })
            })
        })
    }
}

fn decided(
    minter: &Minter,
    post: &mut OutgoingPost,
    is_open: bool,
    now: DateTime<Utc>,
) -> Option<Job> {
    let mut claim = Claim::new(minter, rules(is_open), now);
    claim.decide(post, 0).unwrap();
    claim.claimed.jobs.pop()
}

/// Whether nothing is left to do about a target.
fn is_over(post: &OutgoingPost) -> bool {
    let target = &post.targets[0];
    next(post.status, target.status, target.comment) == Next::Nothing
}

#[test]
fn a_poll_leaves_nothing_due_that_it_looked_at() {
    let minter = minter();
    let mut cases = 0;
    for case in Case::all() {
        cases += 1;
        let mut post = case.post();
        let job = decided(&minter, &mut post, true, at(0));
        let target = &post.targets[0];
        assert!(target.due_time.is_none_or(|due| due > at(0)), "{case:?}: {target:?}");
        assert!(post.is_changed(), "{case:?}");
        // What waits for nothing is over, or nothing of its post may start.
        if target.due_time.is_none() {
            assert!(is_over(&post) || case.is_gone, "{case:?}: {} {target:?}", post.status);
        }
        // No post begins to hold a unit because time passes, and what was asked for is not undone but by an end.
        let kept = holds(case.post) || !holds(post.status) || !case.is_consistent();
        assert!(kept, "{case:?}: {}", post.status);
        let sends = job.is_some_and(|job| job.errand.sends() && job.errand.part() == Part::Post);
        let late = case.scheduled.max(case.ready.unwrap_or(-1)) == -100_000
            || case.post == PostStatus::Publishing && case.ready == Some(-100_000);
        let waits = case.target == TargetStatus::Pending
            && matches!(case.post, PostStatus::Scheduled | PostStatus::Publishing);
        let is_ahead = case.post == PostStatus::Scheduled && case.scheduled > 0;
        let may = waits && !case.is_gone && !case.account_gone && !is_ahead;
        assert_eq!(sends, may && (!late || case.tries > 0), "{case:?}");
        if may && late && case.tries == 0 {
            assert_eq!(target.status, TargetStatus::Failed, "{case:?}");
            assert_eq!(target.error.code, "too_late", "{case:?}");
        }
    }
    assert!(cases > 90_000, "{cases}");
}

/// As the contract lists them.
fn holds(status: PostStatus) -> bool {
    use PostStatus::{PartiallyPublished, Published, Publishing, Scheduled};
    matches!(status, Scheduled | Publishing | PartiallyPublished | Published)
}

#[test]
fn each_target_of_an_account_that_is_gone_ends_however_it_came_to_wait() {
    for case in Case::all().filter(|case| case.target == TargetStatus::Pending) {
        let mut post = case.post();
        let ended = post.end_without_account(0);
        let (status, target) = (post.status, &post.targets[0]);
        let wanted = match case.post {
            PostStatus::NeedsApproval | PostStatus::Scheduled => Some(TargetStatus::Canceled),
            PostStatus::Publishing if case.attempts == 0 => Some(TargetStatus::Canceled),
            PostStatus::Publishing => Some(TargetStatus::Failed),
            _ => None,
        };
        assert_eq!(ended, wanted.is_some(), "{case:?}");
        assert_eq!(target.status, wanted.unwrap_or(TargetStatus::Pending), "{case:?}");
        if ended {
            assert_eq!((target.due_time, target.error.code.as_str()), (None, "account_not_active"));
            let others = post.targets.iter().any(|one| one.status == TargetStatus::Pending);
            let statuses: Vec<_> = post.targets.iter().map(|one| one.status).collect();
            let stays = case.post != PostStatus::Publishing && others;
            assert_eq!(status, if stays { case.post } else { follow(&statuses) }, "{case:?}");
        }
    }
}

#[test]
fn while_networks_cannot_be_asked_only_what_needs_none_is_done() {
    let minter = minter();
    for case in Case::all() {
        let mut post = case.post();
        let job = decided(&minter, &mut post, false, at(0));
        assert!(job.is_none(), "{case:?}");
        let mut open = case.post();
        let job = decided(&minter, &mut open, true, at(0));
        assert_eq!(post.is_changed(), job.is_none(), "{case:?}");
        if job.is_none() {
            assert_eq!(post.targets[0].status, open.targets[0].status, "{case:?}");
        }
    }
}

fn sendings() -> [Outcome; 6] {
    let failed = |transient, code: &str| Outcome::Failed {
        transient,
        code: code.to_owned(),
        message: String::new(),
        retry_after: None,
    };
    let text = String::new;
    [
        Outcome::Sent { external_id: "id".to_owned(), external_url: text() },
        failed(true, "busy"),
        failed(true, "in_progress"),
        failed(false, "refused"),
        Outcome::Unknown { code: "lost".to_owned(), message: text(), over: false },
        Outcome::Withheld { code: "not_sent".to_owned(), message: text() },
    ]
}

fn looks() -> [Outcome; 5] {
    let undecided =
        |look_again| Outcome::Undecided { look_again, message: String::new(), retry_after: None };
    [
        Outcome::Sent { external_id: "id".to_owned(), external_url: String::new() },
        Outcome::NotThere,
        Outcome::NotAsked,
        undecided(true),
        undecided(false),
    ]
}

/// Whatever networks answer, again and again, each target is over after finitely many polls and within days.
#[test]
fn every_target_ends_whatever_becomes_of_what_is_sent() {
    let minter = minter();
    let (sendings, looks) = (sendings(), looks());
    let plain = |case: &Case| {
        let clock = (case.scheduled, case.ready) == (-1, None);
        clock && case.other.is_none() && case.attempts == case.tries * 2
    };
    for case in Case::all().filter(plain) {
        for (sent, looked) in
            sendings.iter().flat_map(|sent| looks.iter().map(move |look| (sent, look)))
        {
            let mut post = case.post();
            let mut now = at(0);
            let mut polls = 0;
            while let Some(due) = post.targets[0].due_time {
                polls += 1;
                assert!(polls < 10_000, "{case:?} {sent:?} {looked:?}: {:?}", post.targets[0]);
                now = now.max(due);
                assert!(
                    now < at(9 * 86_400),
                    "{case:?} {sent:?} {looked:?}: {:?}",
                    post.targets[0]
                );
                let Some(job) = decided(&minter, &mut post, true, now) else { continue };
                let outcome = if job.errand.sends() { sent } else { looked };
                let part = job.errand.part();
                let (claim_time, outcome) = (job.claim_time, outcome.clone());
                let done = Done {
                    post_id: job.post_id,
                    target_id: job.target_id,
                    account_id: job.account_id,
                    platform: job.platform,
                    version: job.version,
                    claim_time,
                    lateness: job.lateness,
                    part,
                    outcome,
                };
                settle(&mut post, &done, now);
            }
            assert!(is_over(&post) || case.is_gone, "{case:?} {sent:?} {looked:?}");
            let kept = holds(case.post) || !holds(post.status) || !case.is_consistent();
            assert!(kept, "{case:?}: {}", post.status);
        }
    }
}

#[test]
fn lateness_counts_from_the_time_or_the_approval_and_ends_nothing_that_has_begun() {
    let minter = minter();
    let day = MAX_LATENESS.num_seconds();
    let case = |scheduled, ready, tries| Case {
        post: PostStatus::Scheduled,
        target: TargetStatus::Pending,
        comment: CommentStatus::None,
        other: None,
        attempts: tries,
        tries,
        account_gone: false,
        is_gone: false,
        is_stopped: false,
        scheduled,
        ready: Some(ready),
    };
    for (case, status) in [
        (case(-day, -day, 0), TargetStatus::Publishing),
        (case(-day - 1, -day - 1, 0), TargetStatus::Failed),
        // Approved a second ago.
        (case(-9 * day, -1, 0), TargetStatus::Publishing),
        // Its post was moved by a version that does not move targets.
        (case(-1, -9 * day, 0), TargetStatus::Publishing),
        (case(-9 * day, -9 * day, 1), TargetStatus::Publishing),
    ] {
        let mut post = case.post();
        decided(&minter, &mut post, true, at(0));
        assert_eq!(post.targets[0].status, status, "{case:?}");
    }
}
