//! When targets are dealt with next, after a step of a client or the end of their workspace.

use super::{
    status::{PostStatus, TargetStatus},
    step::{State, Step},
};

/// When a target is dealt with next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// When it was to be.
    Stays,
    /// When it was to be, to find out what became of it: nothing of it is sent any more.
    Last,
    /// When its post is scheduled for: it has not been tried.
    Scheduled,
    /// At once, and as often as if it had never been tried.
    Now,
    /// Never.
    Never,
}

/// When each target is dealt with after a step; no step: after nothing of the post may start any more.
#[must_use]
pub fn due_after(step: Option<Step>, before: &State, after: &State) -> Vec<Due> {
    let due = |place: usize| {
        let (was, is) = (before.targets.get(place).copied(), after.targets[place]);
        match after.status {
            _ if step == Some(Step::Delete) => Due::Never,
            PostStatus::Scheduled if is == TargetStatus::Pending => Due::Scheduled,
            PostStatus::Publishing | PostStatus::PartiallyPublished | PostStatus::Published => {
                if was == Some(is) {
                    if step == Some(Step::Cancel) { Due::Last } else { Due::Stays }
                } else if is == TargetStatus::Pending {
                    Due::Now
                } else {
                    Due::Never
                }
            }
            _ => Due::Never,
        }
    };
    (0..after.targets.len()).map(due).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use PostStatus as P;
    use TargetStatus as T;

    fn dues(step: Option<Step>, status: PostStatus, targets: &[TargetStatus]) -> Vec<Due> {
        let before = State { status, targets: targets.to_vec() };
        let after = match step {
            Some(step) => before.clone().after(step).unwrap(),
            None => before.clone().stopped(),
        };
        due_after(step, &before, &after)
    }

    #[test]
    fn what_is_scheduled_is_due_at_its_time_and_what_waits_for_approval_is_not() {
        for (step, status) in [
            (Step::Schedule { needs_approval: false }, P::Draft),
            (Step::Schedule { needs_approval: false }, P::Failed),
            (Step::Reschedule { needs_approval: false }, P::Scheduled),
            (Step::Approve, P::NeedsApproval),
            (Step::Update { needs_approval: false, new_targets: None }, P::Scheduled),
            (Step::Update { needs_approval: false, new_targets: Some(1) }, P::Scheduled),
        ] {
            assert_eq!(dues(Some(step), status, &[T::Pending]), [Due::Scheduled], "{step:?}");
        }
        for (step, status) in [
            (Step::Schedule { needs_approval: true }, P::Draft),
            (Step::Update { needs_approval: true, new_targets: None }, P::Scheduled),
            (Step::Reject, P::NeedsApproval),
            (Step::Cancel, P::Scheduled),
            (Step::Delete, P::Scheduled),
        ] {
            assert_eq!(dues(Some(step), status, &[T::Pending]), [Due::Never], "{step:?}");
        }
    }

    #[test]
    fn what_is_canceled_of_a_scheduled_post_stays_so() {
        let step = Step::Reschedule { needs_approval: false };
        let targets = [T::Canceled, T::Pending];
        assert_eq!(dues(Some(step), P::Scheduled, &targets), [Due::Never, Due::Scheduled]);
    }

    #[test]
    fn a_retry_is_due_now_and_leaves_the_others_alone() {
        let targets = [T::Failed, T::Published, T::Unknown, T::Pending];
        let wanted = [Due::Now, Due::Stays, Due::Stays, Due::Stays];
        assert_eq!(dues(Some(Step::Retry), P::Publishing, &targets), wanted);
    }

    #[test]
    fn stopping_leaves_what_is_under_way_to_those_who_deal_with_it() {
        let targets = [T::Publishing, T::Pending, T::Unknown, T::Published, T::Failed];
        let left = |due| [due, Due::Never, due, due, Due::Never];
        assert_eq!(dues(None, P::Publishing, &targets), left(Due::Stays));
        assert_eq!(dues(Some(Step::Cancel), P::Publishing, &targets), left(Due::Last));
    }

    #[test]
    fn nothing_of_a_deleted_post_is_due() {
        let targets = [T::Published, T::Failed];
        assert_eq!(dues(Some(Step::Delete), P::PartiallyPublished, &targets), [Due::Never; 2]);
    }
}
