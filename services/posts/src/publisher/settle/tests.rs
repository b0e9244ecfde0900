use super::*;
use crate::post::{PostStatus, follow};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_000_000 + seconds, 0).unwrap()
}

/// Writes the right to send down, as a claim does. Answers whether there was anything to send.
fn begin(post: &mut OutgoingPost, part: Part, now: DateTime<Utc>) -> bool {
    let began = make_move(post, 0, part, Move::Begin);
    if began {
        let target = post.touch(0);
        target.version += 1;
        target.tries += 1;
        target.looks = 0;
        target.first_try_time.get_or_insert(now);
        target.in_transit_until = Some(now + TimeDelta::seconds(360));
        target.due_time = Some(now + TimeDelta::seconds(60));
        if part == Part::Post {
            target.attempt_count += 1;
        }
    }
    began
}

/// A post whose one target is being sent by the right of version 1.
fn under_way() -> OutgoingPost {
    let mut post = OutgoingPost::example();
    assert!(begin(&mut post, Part::Post, at(0)));
    post
}

fn done(post: &OutgoingPost, part: Part, outcome: Outcome) -> Done {
    let target = &post.targets[0];
    Done {
        post_id: post.id,
        target_id: target.id,
        account_id: target.account_id,
        platform: target.platform,
        version: target.version,
        claim_time: at(0),
        lateness: None,
        part,
        outcome,
    }
}

fn tell(post: &mut OutgoingPost, outcome: Outcome, now: DateTime<Utc>) -> Option<&'static str> {
    let done = Done { claim_time: now, ..done(post, Part::Post, outcome) };
    settle(post, &done, now).map(|ended| ended.status)
}

fn sent() -> Outcome {
    Outcome::Sent { external_id: "id".to_owned(), external_url: "url".to_owned() }
}

fn failed(transient: bool) -> Outcome {
    let code = if transient { "busy" } else { "refused" };
    Outcome::Failed { transient, code: code.to_owned(), message: String::new(), retry_after: None }
}

fn unknown(over: bool) -> Outcome {
    Outcome::Unknown { code: "lost".to_owned(), message: String::new(), over }
}

fn undecided(look_again: bool) -> Outcome {
    Outcome::Undecided { look_again, message: String::new(), retry_after: None }
}

fn status(post: &OutgoingPost) -> TargetStatus {
    assert_eq!(post.status, follow(&[post.targets[0].status]));
    post.targets[0].status
}

#[test]
fn what_is_out_is_followed_by_its_first_comment_at_once() {
    let mut post = under_way();
    assert_eq!(tell(&mut post, sent(), at(1)), Some("published"));
    assert_eq!(status(&post), TargetStatus::Published);
    let target = &post.targets[0];
    assert_eq!((target.comment, target.due_time), (CommentStatus::Pending, Some(at(1))));
    assert_eq!((target.tries, target.first_try_time), (0, None));
}

#[test]
fn an_outcome_of_another_right_changes_nothing() {
    let mut post = under_way();
    let late = done(&post, Part::Post, sent());
    post.touch(0).version += 1;
    assert!(settle(&mut post, &late, at(1)).is_none());
    assert_eq!(status(&post), TargetStatus::Publishing);
}

#[test]
fn absence_counts_only_once_what_was_sent_cannot_arrive_any_more() {
    let mut post = under_way();
    assert_eq!(tell(&mut post, unknown(false), at(10)), Some("unknown"));
    assert_eq!(tell(&mut post, Outcome::NotThere, at(20)), None);
    assert_eq!(status(&post), TargetStatus::Unknown);
    assert!(post.targets[0].due_time.unwrap() < at(60));
    // The last look comes when it is over, and not much later.
    post.touch(0).looks = 20;
    assert_eq!(tell(&mut post, Outcome::NotThere, at(350)), None);
    assert_eq!(post.targets[0].due_time, Some(at(360)));
    assert_eq!(tell(&mut post, Outcome::NotThere, at(360)), Some("failed"));
    assert_eq!((status(&post), post.targets[0].due_time), (TargetStatus::Pending, Some(at(360))));
}

#[test]
fn absence_counts_at_once_where_the_sending_is_known_to_be_over() {
    let mut post = under_way();
    tell(&mut post, unknown(true), at(10));
    assert_eq!(tell(&mut post, Outcome::NotThere, at(15)), Some("failed"));
    assert_eq!(status(&post), TargetStatus::Pending);
}

#[test]
fn the_truth_is_told_late_as_well() {
    let mut post = under_way();
    tell(&mut post, unknown(true), at(10));
    tell(&mut post, Outcome::NotThere, at(15));
    assert_eq!(tell(&mut post, sent(), at(16)), Some("published"));
    assert_eq!(status(&post), TargetStatus::Published);
}

#[test]
fn what_was_not_even_tried_is_no_try() {
    let mut post = under_way();
    let withheld = || Outcome::Withheld { code: "not_sent".to_owned(), message: String::new() };
    for n in [1, 2, 3, 24 * 3_600, 99 * 3_600] {
        assert_eq!(tell(&mut post, withheld(), at(n)), Some("withdrawn"));
        let target = &post.targets[0];
        assert_eq!(
            (target.status, target.tries, target.attempt_count),
            (TargetStatus::Pending, 0, 0)
        );
        assert!(target.due_time.unwrap() >= at(n + 5));
        assert!(begin(&mut post, Part::Post, at(n)));
    }
    // Its account is gone: nothing of it was ever sent.
    post.touch(0).account_gone = true;
    assert_eq!(tell(&mut post, withheld(), at(100 * 3_600)), Some("withdrawn"));
    assert_eq!((status(&post), post.status), (TargetStatus::Canceled, PostStatus::Canceled));
    assert_eq!(post.targets[0].error.code, "account_not_active");
}

#[test]
fn what_was_withheld_after_it_had_been_sent_ends_as_tries_do() {
    let withheld = || Outcome::Withheld { code: "not_sent".to_owned(), message: String::new() };
    let mut post = under_way();
    assert_eq!(tell(&mut post, failed(true), at(1)), Some("failed"));
    assert!(begin(&mut post, Part::Post, at(40)));
    assert_eq!(tell(&mut post, withheld(), at(41)), Some("withdrawn"));
    assert_eq!((status(&post), post.targets[0].attempt_count), (TargetStatus::Pending, 1));
    assert!(begin(&mut post, Part::Post, at(60)));
    assert_eq!(tell(&mut post, withheld(), at(24 * 3_600)), Some("withdrawn"));
    assert_eq!((status(&post), post.status), (TargetStatus::Failed, PostStatus::Failed));
}

#[test]
fn a_look_that_cannot_be_asked_for_a_day_ends_as_what_nobody_knows() {
    let mut post = under_way();
    tell(&mut post, unknown(true), at(1));
    let mut now = post.targets[0].due_time.unwrap();
    let mut looks = 0;
    while tell(&mut post, Outcome::NotAsked, now).is_none() {
        assert!(post.targets[0].due_time.unwrap() > now);
        now = post.targets[0].due_time.unwrap();
        looks += 1;
    }
    assert_eq!(looks, 52);
    assert!((23..27).contains(&(now - at(0)).num_hours()), "{now}");
    assert_eq!((status(&post), post.targets[0].due_time), (TargetStatus::Failed, None));
    assert_eq!(post.targets[0].error.class, class::UNKNOWN);
}

#[test]
fn tries_end() {
    let mut post = under_way();
    for _ in 1..8 {
        tell(&mut post, failed(true), at(1));
        assert_eq!(status(&post), TargetStatus::Pending);
        assert!(begin(&mut post, Part::Post, at(1)));
    }
    tell(&mut post, failed(true), at(1));
    assert_eq!((status(&post), post.targets[0].due_time), (TargetStatus::Failed, None));
    assert_eq!(post.targets[0].error.class, class::TRANSIENT);
}

#[test]
fn looks_end_and_it_fails_as_what_nobody_knows() {
    let mut post = under_way();
    tell(&mut post, unknown(true), at(1));
    let mut looks = 0;
    while tell(&mut post, undecided(true), at(2)).is_none() {
        looks += 1;
    }
    assert_eq!((looks, status(&post)), (52, TargetStatus::Failed));
    let error = &post.targets[0].error;
    assert_eq!((error.code.as_str(), error.class), ("undecidable", class::UNKNOWN));
    // Where looking cannot help it ends at once.
    let mut post = under_way();
    tell(&mut post, unknown(true), at(1));
    assert_eq!(tell(&mut post, undecided(false), at(2)), Some("failed"));
    assert_eq!((status(&post), post.targets[0].due_time), (TargetStatus::Failed, None));
}

#[test]
fn what_is_in_progress_is_no_try_and_goes_on_when_the_network_says() {
    let in_progress = || Outcome::Failed {
        transient: true,
        code: "in_progress".to_owned(),
        message: String::new(),
        retry_after: Some(Duration::from_secs(7)),
    };
    let mut post = under_way();
    for n in 1..100 {
        assert_eq!(tell(&mut post, in_progress(), at(n)), Some("failed"));
        assert_eq!((status(&post), post.targets[0].tries), (TargetStatus::Pending, 0));
        assert_eq!(post.targets[0].due_time, Some(at(n + 7)));
        assert!(begin(&mut post, Part::Post, at(n)));
    }
    // But not for ever.
    tell(&mut post, in_progress(), at(24 * 3_600));
    assert_eq!(status(&post), TargetStatus::Failed);
}

#[test]
fn absence_counts_by_when_the_network_was_asked() {
    let mut post = under_way();
    tell(&mut post, unknown(false), at(10));
    let asked_early = Done { claim_time: at(359), ..done(&post, Part::Post, Outcome::NotThere) };
    assert!(settle(&mut post, &asked_early, at(400)).is_none());
    assert_eq!((status(&post), post.targets[0].due_time), (TargetStatus::Unknown, Some(at(400))));
    let asked_later = Done { claim_time: at(400), ..done(&post, Part::Post, Outcome::NotThere) };
    assert!(settle(&mut post, &asked_later, at(401)).is_some());
}

#[test]
fn what_was_stopped_is_canceled_when_it_would_be_sent_again_or_has_failed() {
    let ends: [fn(&mut OutgoingPost); 3] = [
        |post| {
            tell(post, failed(true), at(1));
        },
        |post| {
            tell(post, failed(false), at(1));
        },
        |post| {
            tell(post, unknown(true), at(1));
            tell(post, Outcome::NotThere, at(2));
        },
    ];
    for end in ends {
        let mut post = under_way();
        post.touch(0).is_stopped = true;
        end(&mut post);
        assert_eq!((status(&post), post.status), (TargetStatus::Canceled, PostStatus::Canceled));
        assert_eq!(post.targets[0].due_time, None);
    }
    let mut post = under_way();
    post.touch(0).is_stopped = true;
    tell(&mut post, sent(), at(1));
    assert_eq!(status(&post), TargetStatus::Published);
    stop_comment(&mut post, 0);
    let target = &post.targets[0];
    assert_eq!((target.comment, target.due_time), (CommentStatus::Failed, None));
}

#[test]
fn nothing_is_tried_again_of_what_is_gone() {
    let spoils: [fn(&mut OutgoingPost); 2] =
        [|post| post.is_gone = true, |post| post.touch(0).account_gone = true];
    for spoil in spoils {
        let mut post = under_way();
        spoil(&mut post);
        tell(&mut post, failed(true), at(1));
        assert_eq!(status(&post), TargetStatus::Failed);
    }
}

#[test]
fn a_first_attempt_at_a_disconnected_account_is_none() {
    let gone = || Outcome::Failed {
        transient: false,
        code: ACCOUNT_DISCONNECTED.to_owned(),
        message: String::new(),
        retry_after: None,
    };
    let mut post = under_way();
    tell(&mut post, gone(), at(1));
    assert_eq!(status(&post), TargetStatus::Canceled);
    let mut post = under_way();
    tell(&mut post, failed(true), at(1));
    assert!(begin(&mut post, Part::Post, at(2)));
    tell(&mut post, gone(), at(3));
    assert_eq!(status(&post), TargetStatus::Failed);
}

/// Whatever comes in whatever order: what is out stays out and is due no more than its comment is, what is over is not due,
/// and what is neither always is, unless it cannot be found out.
#[test]
fn every_order_of_outcomes_leaves_something_to_do_or_nothing() {
    let outcomes = || {
        [
            sent(),
            failed(true),
            failed(false),
            unknown(true),
            unknown(false),
            Outcome::NotThere,
            undecided(true),
            Outcome::NotAsked,
        ]
    };
    let count = outcomes().len();
    for order in 0..count.pow(4) {
        let mut post = under_way();
        let mut was_out = false;
        for step in 0..4_u32 {
            let outcome = outcomes()[order / count.pow(step) % count].clone();
            let part = if post.targets[0].status == TargetStatus::Published {
                Part::FirstComment
            } else {
                Part::Post
            };
            let now = at(i64::from(step) * 100);
            let done = Done { claim_time: now, ..done(&post, part, outcome) };
            settle(&mut post, &done, now);
            let target = &post.targets[0];
            let is_out = target.status == TargetStatus::Published;
            assert!(is_out || !was_out, "{order}");
            was_out = is_out;
            let waits = match target.status {
                TargetStatus::Pending | TargetStatus::Publishing | TargetStatus::Unknown => true,
                TargetStatus::Published => matches!(
                    target.comment,
                    CommentStatus::Pending | CommentStatus::Publishing | CommentStatus::Unknown
                ),
                TargetStatus::Failed | TargetStatus::Canceled => false,
            };
            assert_eq!(target.due_time.is_some(), waits, "{order} {target:?}");
            status(&post);
            begin(&mut post, if is_out { Part::FirstComment } else { Part::Post }, now);
        }
    }
}
