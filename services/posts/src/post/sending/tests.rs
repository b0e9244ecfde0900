use super::*;

use PostStatus as P;
use TargetStatus as T;

/// Every list of one to three targets.
fn lists() -> Vec<Vec<T>> {
    let mut all: Vec<Vec<T>> = vec![vec![]];
    for _ in 0..3 {
        let longer: Vec<Vec<T>> = all
            .iter()
            .flat_map(|list| T::ALL.iter().map(|last| [list.as_slice(), &[*last]].concat()))
            .collect();
        all.extend(longer);
    }
    all.retain(|list| !list.is_empty());
    all
}

/// Every state that a post can be in: what was asked for with targets that wait, or what follows from the targets.
fn states() -> Vec<State> {
    let mut all = Vec::new();
    for targets in lists() {
        let untouched = targets.iter().all(|one| matches!(one, T::Pending | T::Canceled));
        if untouched && targets.contains(&T::Pending) {
            for status in [P::Draft, P::NeedsApproval, P::Scheduled] {
                all.push(State { status, targets: targets.clone() });
            }
        }
        all.push(State { status: follow(&targets), targets });
    }
    all
}

/// The moves that count, said as a table: from, move, to.
const TABLE: &[(T, Move, T)] = &[
    (T::Pending, Move::Begin, T::Publishing),
    (T::Publishing, Move::Lose, T::Unknown),
    (T::Publishing, Move::Publish, T::Published),
    (T::Unknown, Move::Publish, T::Published),
    (T::Pending, Move::Publish, T::Published),
    (T::Publishing, Move::Repeat, T::Pending),
    (T::Unknown, Move::Repeat, T::Pending),
    (T::Publishing, Move::Fail, T::Failed),
    (T::Unknown, Move::Fail, T::Failed),
    (T::Pending, Move::Fail, T::Failed),
    (T::Pending, Move::Drop, T::Canceled),
    (T::Publishing, Move::Drop, T::Canceled),
    (T::Unknown, Move::Drop, T::Canceled),
];

#[test]
fn a_move_changes_its_target_alone_and_the_post_follows() {
    for state in states() {
        for (place, from) in state.targets.iter().copied().enumerate() {
            for what in Move::ALL {
                let wanted = TABLE.iter().find(|row| row.0 == from && row.1 == *what);
                let allowed = match (what, from, state.status) {
                    (Move::Begin, ..) => matches!(state.status, P::Scheduled | P::Publishing),
                    (Move::Publish, T::Pending, status) => status == P::Publishing,
                    (Move::Fail, T::Pending, status) => {
                        matches!(status, P::Scheduled | P::Publishing)
                    }
                    (Move::Drop, T::Pending, status) => status != P::Draft,
                    _ => true,
                };
                let moved = state.clone().moved(place, *what);
                let Some((_, _, to)) = wanted.filter(|_| allowed) else {
                    assert_eq!(moved, None, "{state:?} {place} {what:?}");
                    continue;
                };
                let moved = moved.unwrap_or_else(|| panic!("{state:?} {place} {what:?}"));
                let mut targets = state.targets.clone();
                targets[place] = *to;
                let waits = matches!(state.status, P::NeedsApproval | P::Scheduled);
                let stays = waits && *what == Move::Drop && targets.contains(&T::Pending);
                let status = if stays { state.status } else { follow(&targets) };
                assert_eq!(moved, State { status, targets }, "{state:?} {place} {what:?}");
            }
        }
    }
}

#[test]
fn nothing_is_sent_of_a_post_that_was_stopped_or_is_not_scheduled() {
    for state in states() {
        let stopped = state.clone().stopped();
        for place in 0..state.targets.len() {
            let is_open = matches!(state.status, P::Scheduled | P::Publishing);
            assert!(is_open || state.clone().moved(place, Move::Begin).is_none(), "{state:?}");
            let began = stopped.clone().moved(place, Move::Begin);
            assert!(state.status == P::Draft || began.is_none(), "{state:?}");
        }
    }
}

#[test]
fn what_was_published_stays_published_whatever_comes() {
    for state in states() {
        for place in (0..state.targets.len()).filter(|place| state.targets[*place] == T::Published)
        {
            for what in Move::ALL {
                assert_eq!(state.clone().moved(place, *what), None, "{state:?} {what:?}");
            }
        }
    }
}

#[test]
fn a_first_comment_goes_the_way_of_a_target() {
    use CommentStatus as C;
    let as_target = |comment| match comment {
        C::None | C::Failed => None,
        C::Pending => Some(T::Pending),
        C::Publishing => Some(T::Publishing),
        C::Published => Some(T::Published),
        C::Unknown => Some(T::Unknown),
    };
    for comment in C::ALL {
        for what in Move::ALL {
            let moved = comment.moved(*what);
            let Some(target) = as_target(*comment) else {
                assert_eq!(moved, None, "{comment} {what:?}");
                continue;
            };
            let state = State { status: P::Publishing, targets: vec![target] };
            let wanted = state.moved(0, *what).map(|state| match state.targets[0] {
                T::Pending => C::Pending,
                T::Publishing => C::Publishing,
                T::Published => C::Published,
                T::Failed | T::Canceled => C::Failed,
                T::Unknown => C::Unknown,
            });
            assert_eq!(moved, wanted, "{comment} {what:?}");
        }
    }
}

#[test]
fn each_state_has_one_next_thing() {
    use CommentStatus as C;
    for post in P::ALL {
        let pending = next(*post, T::Pending, C::None);
        let goes_out = matches!(post, P::Scheduled | P::Publishing);
        assert_eq!(pending == Next::Send(Part::Post), goes_out, "{post}");
        assert!(goes_out || pending == Next::Nothing, "{post}");
        for comment in C::ALL {
            assert_eq!(next(*post, T::Publishing, *comment), Next::TakeOver(Part::Post));
            assert_eq!(next(*post, T::Unknown, *comment), Next::Look(Part::Post));
            for over in [T::Failed, T::Canceled] {
                assert_eq!(next(*post, over, *comment), Next::Nothing);
            }
            let wanted = match comment {
                C::None | C::Published | C::Failed => Next::Nothing,
                C::Pending => Next::Send(Part::FirstComment),
                C::Publishing => Next::TakeOver(Part::FirstComment),
                C::Unknown => Next::Look(Part::FirstComment),
            };
            assert_eq!(next(*post, T::Published, *comment), wanted);
        }
    }
}
