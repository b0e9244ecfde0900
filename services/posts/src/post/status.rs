//! Where posts and targets stand, and what follows from it.

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

        impl std::fmt::Display for $status {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(super) use names;

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

    use PostStatus::{Canceled, Failed, PartiallyPublished, Published, Publishing, Scheduled};
    use TargetStatus as T;

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
