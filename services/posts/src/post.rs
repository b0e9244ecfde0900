//! The rules of a post's life: its states, what each step makes of them, and when it holds a unit of the monthly cap.
//! Pure: no clock, no I/O.

use std::fmt;

/// Where a post stands. Until the first attempt it is what was asked for; from then on it follows from the targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PostStatus {
    /// Not scheduled.
    Draft,
    /// Waits for a review.
    NeedsApproval,
    /// Goes out at its time.
    Scheduled,
    /// A target is in flight, or what became of it is unknown.
    Publishing,
    /// Some targets are published, others failed.
    PartiallyPublished,
    /// All targets are published, canceled ones aside.
    Published,
    /// No target is published.
    Failed,
    /// Canceled before any target was published.
    Canceled,
}

/// Where a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetStatus {
    /// Not attempted yet, or to be attempted again.
    Pending,
    /// An attempt is under way.
    Publishing,
    /// It is out.
    Published,
    /// It was refused.
    Failed,
    /// The answer was lost.
    Unknown,
    /// It will not go out.
    Canceled,
}

macro_rules! names {
    ($status:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl $status {
            /// Every status.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The name a database keeps.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The status of such a name.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $status {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

names!(PostStatus {
    Draft = "draft",
    NeedsApproval = "needs_approval",
    Scheduled = "scheduled",
    Publishing = "publishing",
    PartiallyPublished = "partially_published",
    Published = "published",
    Failed = "failed",
    Canceled = "canceled",
});

names!(TargetStatus {
    Pending = "pending",
    Publishing = "publishing",
    Published = "published",
    Failed = "failed",
    Unknown = "unknown",
    Canceled = "canceled",
});

/// Something that is done to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Change content, targets, media, display time.
    Update {
        /// Whether what is changed must be approved again.
        needs_approval: bool,
    },
    /// Give it a time to go out.
    Schedule {
        /// Whether the scheduling must be approved.
        needs_approval: bool,
    },
    /// Move it to another time.
    Reschedule {
        /// Whether scheduling anew must be approved.
        needs_approval: bool,
    },
    /// Stop what has not gone out.
    Cancel,
    /// Publish what failed again.
    Retry,
    /// Let it go out.
    Approve,
    /// Send it back to its author.
    Reject,
    /// Hide it here.
    Delete,
}

/// Why a step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The post's status does not allow it.
    State(PostStatus),
    /// No target has failed.
    NothingToRetry,
}

/// A post's status and its targets'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The post's.
    pub status: PostStatus,
    /// The targets', in order.
    pub targets: Vec<TargetStatus>,
}

impl State {
    /// What a step makes of a post.
    ///
    /// # Errors
    /// When the status does not allow the step.
    pub fn after(mut self, step: Step) -> Result<Self, Refused> {
        use PostStatus::{
            Canceled, Draft, Failed, NeedsApproval, PartiallyPublished, Published, Publishing,
            Scheduled,
        };
        let refused = Err(Refused::State(self.status));
        match (step, self.status) {
            (Step::Update { needs_approval }, Scheduled) if needs_approval => {
                self.status = NeedsApproval;
            }
            (Step::Update { .. }, Draft | NeedsApproval | Scheduled | Failed | Canceled)
            | (Step::Reschedule { .. }, Scheduled)
            | (
                Step::Delete,
                Draft | NeedsApproval | Scheduled | PartiallyPublished | Published | Failed
                | Canceled,
            ) => {}
            (
                Step::Schedule { needs_approval } | Step::Reschedule { needs_approval },
                Draft | Failed | Canceled,
            ) => {
                self.status = if needs_approval { NeedsApproval } else { Scheduled };
                self.targets.fill(TargetStatus::Pending);
            }
            (Step::Cancel, NeedsApproval | Scheduled) => {
                self.status = Canceled;
                self.targets.fill(TargetStatus::Canceled);
            }
            (Step::Cancel, Publishing | PartiallyPublished) => {
                let stopped = self.replace(
                    &[TargetStatus::Pending, TargetStatus::Failed],
                    TargetStatus::Canceled,
                );
                if !stopped {
                    return refused;
                }
                self.status = follow(&self.targets);
            }
            (Step::Retry, Failed | PartiallyPublished | Publishing | Published) => {
                if !self.replace(&[TargetStatus::Failed], TargetStatus::Pending) {
                    return Err(Refused::NothingToRetry);
                }
                self.status = follow(&self.targets);
            }
            (Step::Approve, NeedsApproval) => self.status = Scheduled,
            (Step::Reject, NeedsApproval) => self.status = Draft,
            (Step::Update { .. }, Publishing | PartiallyPublished | Published)
            | (
                Step::Schedule { .. },
                NeedsApproval | Scheduled | Publishing | PartiallyPublished | Published,
            )
            | (
                Step::Reschedule { .. },
                NeedsApproval | Publishing | PartiallyPublished | Published,
            )
            | (Step::Cancel, Draft | Published | Failed | Canceled)
            | (Step::Retry, Draft | NeedsApproval | Scheduled | Canceled)
            | (
                Step::Approve | Step::Reject,
                Draft | Scheduled | Publishing | PartiallyPublished | Published | Failed | Canceled,
            )
            | (Step::Delete, Publishing) => return refused,
        }
        Ok(self)
    }

    fn replace(&mut self, from: &[TargetStatus], to: TargetStatus) -> bool {
        let mut any = false;
        for target in self.targets.iter_mut().filter(|target| from.contains(target)) {
            *target = to;
            any = true;
        }
        any
    }
}

/// The status that follows from the targets once a first attempt was made.
#[must_use]
pub fn follow(targets: &[TargetStatus]) -> PostStatus {
    let any = |status: TargetStatus| targets.contains(&status);
    if any(TargetStatus::Pending) || any(TargetStatus::Publishing) || any(TargetStatus::Unknown) {
        PostStatus::Publishing
    } else if any(TargetStatus::Published) {
        if any(TargetStatus::Failed) {
            PostStatus::PartiallyPublished
        } else {
            PostStatus::Published
        }
    } else if any(TargetStatus::Failed) {
        PostStatus::Failed
    } else {
        PostStatus::Canceled
    }
}

/// Whether a post in this status holds a unit of the monthly cap.
#[must_use]
pub fn holds_unit(status: PostStatus) -> bool {
    matches!(
        status,
        PostStatus::Scheduled
            | PostStatus::Publishing
            | PostStatus::PartiallyPublished
            | PostStatus::Published
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    use PostStatus::{
        Canceled, Draft, Failed, NeedsApproval, PartiallyPublished, Published, Publishing,
        Scheduled,
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
                Step::Update { needs_approval: false },
                &[
                    (Draft, Draft),
                    (NeedsApproval, NeedsApproval),
                    (Scheduled, Scheduled),
                    (Failed, Failed),
                    (Canceled, Canceled),
                ],
            ),
            (
                Step::Update { needs_approval: true },
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
        assert_eq!(
            cancel(Publishing, &[T::Publishing, T::Published]),
            Err(Refused::State(Publishing))
        );
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

    /// Every multiset of up to three targets, against the contract's sentence said another way.
    #[test]
    fn the_status_follows_from_the_targets() {
        let mut sets: Vec<Vec<T>> = vec![vec![]];
        for _ in 0..3 {
            let longer: Vec<Vec<T>> = sets
                .iter()
                .flat_map(|set| T::ALL.iter().map(|last| [set.as_slice(), &[*last]].concat()))
                .collect();
            sets.extend(longer);
        }
        for targets in sets.into_iter().filter(|set| !set.is_empty()) {
            let count = |status| targets.iter().filter(|target| **target == status).count();
            let open = count(T::Pending) + count(T::Publishing) + count(T::Unknown);
            let wanted = match (open, count(T::Published), count(T::Failed)) {
                (1.., _, _) => Publishing,
                (0, 1.., 0) => Published,
                (0, 1.., _) => PartiallyPublished,
                (0, 0, 1..) => Failed,
                (0, 0, 0) => Canceled,
            };
            assert_eq!(follow(&targets), wanted, "{targets:?}");
        }
    }

    #[test]
    fn four_statuses_hold_a_unit() {
        let holding: Vec<_> =
            PostStatus::ALL.iter().copied().filter(|status| holds_unit(*status)).collect();
        assert_eq!(holding, [Scheduled, Publishing, PartiallyPublished, Published]);
    }

    #[test]
    fn names_round_trip() {
        for status in PostStatus::ALL {
            assert_eq!(PostStatus::parse(status.as_str()), Some(*status));
        }
        for status in T::ALL {
            assert_eq!(T::parse(status.as_str()), Some(*status));
        }
    }
}
