use super::*;

use PostStatus::{
    Canceled, Draft, Failed, NeedsApproval, PartiallyPublished, Published, Publishing, Scheduled,
};
use TargetStatus as T;

fn after(status: PostStatus, targets: &[T], step: Step) -> Result<State, Refused> {
    State { status, targets: targets.to_vec() }.after(step)
}

/// The contract's table: for each step the statuses it is allowed in, and what it makes of each.
#[test]
fn every_step_in_every_status_is_as_the_contract_says() {
    let plain = |needs_approval| Step::Schedule { needs_approval };
    let table: &[(Step, &[(PostStatus, PostStatus)])] = &[
        (
            Step::Update { needs_approval: false, new_targets: None },
            &[
                (Draft, Draft),
                (NeedsApproval, NeedsApproval),
                (Scheduled, Scheduled),
                (Failed, Failed),
                (Canceled, Canceled),
            ],
        ),
        (
            Step::Update { needs_approval: true, new_targets: None },
            &[
                (Draft, Draft),
                (NeedsApproval, NeedsApproval),
                (Scheduled, NeedsApproval),
                (Failed, Failed),
                (Canceled, Canceled),
            ],
        ),
        (plain(false), &[(Draft, Scheduled), (Failed, Scheduled), (Canceled, Scheduled)]),
        (
            plain(true),
            &[(Draft, NeedsApproval), (Failed, NeedsApproval), (Canceled, NeedsApproval)],
        ),
        (
            Step::Reschedule { needs_approval: false },
            &[
                (Draft, Scheduled),
                (Failed, Scheduled),
                (Canceled, Scheduled),
                (Scheduled, Scheduled),
            ],
        ),
        (
            Step::Reschedule { needs_approval: true },
            &[
                (Draft, NeedsApproval),
                (Failed, NeedsApproval),
                (Canceled, NeedsApproval),
                (Scheduled, Scheduled),
            ],
        ),
        (Step::Approve, &[(NeedsApproval, Scheduled)]),
        (Step::Reject, &[(NeedsApproval, Draft)]),
        (
            Step::Delete,
            &[
                (Draft, Draft),
                (NeedsApproval, NeedsApproval),
                (Scheduled, Scheduled),
                (PartiallyPublished, PartiallyPublished),
                (Published, Published),
                (Failed, Failed),
                (Canceled, Canceled),
            ],
        ),
    ];
    for (step, allowed) in table {
        for status in PostStatus::ALL {
            let wanted = allowed.iter().find(|(from, _)| from == status).map(|(_, to)| *to);
            let got = after(*status, &[T::Failed], *step);
            match wanted {
                Some(to) => {
                    assert_eq!(got.map(|state| state.status), Ok(to), "{step:?} {status}");
                }
                None => assert_eq!(got, Err(Refused::State(*status)), "{step:?} {status}"),
            }
        }
    }
}

#[test]
fn canceling_stops_the_unpublished_rest_alone() {
    let cancel = |status, targets: &[T]| after(status, targets, Step::Cancel);
    for status in [NeedsApproval, Scheduled] {
        let state = cancel(status, &[T::Pending, T::Pending]).unwrap();
        assert_eq!(state, State { status: Canceled, targets: vec![T::Canceled; 2] });
    }
    let state = cancel(Publishing, &[T::Publishing, T::Pending, T::Unknown]).unwrap();
    assert_eq!(
        state,
        State { status: Publishing, targets: vec![T::Publishing, T::Canceled, T::Unknown] }
    );
    let state = cancel(PartiallyPublished, &[T::Published, T::Failed]).unwrap();
    assert_eq!(state, State { status: Published, targets: vec![T::Published, T::Canceled] });
    assert_eq!(cancel(Publishing, &[T::Publishing, T::Published]), Err(Refused::State(Publishing)));
    for status in [Draft, Published, Failed, Canceled] {
        assert_eq!(cancel(status, &[T::Pending]), Err(Refused::State(status)));
    }
}

#[test]
fn retrying_touches_failed_targets_alone() {
    let retry = |status, targets: &[T]| after(status, targets, Step::Retry);
    let state = retry(PartiallyPublished, &[T::Published, T::Failed]).unwrap();
    assert_eq!(state, State { status: Publishing, targets: vec![T::Published, T::Pending] });
    assert_eq!(retry(Failed, &[T::Failed]).unwrap().status, Publishing);
    assert_eq!(retry(Published, &[T::Published]), Err(Refused::NothingToRetry));
    assert_eq!(retry(Publishing, &[T::Unknown]), Err(Refused::NothingToRetry));
    for status in [Draft, NeedsApproval, Scheduled, Canceled] {
        assert_eq!(retry(status, &[T::Failed]), Err(Refused::State(status)));
    }
}

#[test]
fn submitting_a_retry_waits_for_approval_with_what_failed_alone() {
    let submit = |status, targets: &[T]| after(status, targets, Step::SubmitRetry);
    let state = submit(Failed, &[T::Failed, T::Canceled]).unwrap();
    assert_eq!(state, State { status: NeedsApproval, targets: vec![T::Pending, T::Canceled] });
    assert_eq!(submit(Failed, &[T::Canceled]), Err(Refused::NothingToRetry));
    for status in PostStatus::ALL.iter().filter(|status| **status != Failed) {
        assert_eq!(submit(*status, &[T::Failed]), Err(Refused::State(*status)));
    }
}

#[test]
fn new_targets_wait_as_their_post_does_and_are_canceled_in_one_that_is_over() {
    let step = Step::Update { needs_approval: false, new_targets: Some(2) };
    for status in [Draft, NeedsApproval, Scheduled] {
        let state = after(status, &[T::Pending], step).unwrap();
        assert_eq!(state, State { status, targets: vec![T::Pending; 2] });
    }
    for (status, target) in [(Failed, T::Failed), (Canceled, T::Canceled)] {
        let state = after(status, &[target], step).unwrap();
        assert_eq!(state, State { status: Canceled, targets: vec![T::Canceled; 2] });
    }
}

#[test]
fn a_step_sends_the_targets_that_it_makes_pending() {
    let sends = |step: Step, status, targets: &[T]| {
        let before = State { status, targets: targets.to_vec() };
        step.sends(&before, &before.clone().after(step).unwrap())
    };
    let schedule = Step::Schedule { needs_approval: false };
    assert_eq!(sends(schedule, Failed, &[T::Failed, T::Canceled]), [0, 1]);
    let reschedule = Step::Reschedule { needs_approval: false };
    assert_eq!(sends(reschedule, Scheduled, &[T::Pending, T::Canceled]), [0]);
    assert_eq!(sends(Step::Approve, NeedsApproval, &[T::Pending]), [0]);
    let targets = [T::Published, T::Failed, T::Pending];
    assert_eq!(sends(Step::Retry, Publishing, &targets), [1]);
    assert_eq!(sends(Step::SubmitRetry, Failed, &[T::Canceled, T::Failed]), [1]);
    let update = |new_targets| Step::Update { needs_approval: false, new_targets };
    assert_eq!(sends(update(Some(2)), Scheduled, &[T::Pending]), [0, 1]);
    assert!(sends(update(None), Scheduled, &[T::Pending]).is_empty());
    assert!(sends(update(Some(1)), Draft, &[T::Pending]).is_empty());
    assert!(sends(Step::Delete, Scheduled, &[T::Pending]).is_empty());
}
