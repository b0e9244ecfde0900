//! What is done to a post, and what becomes of it.

use super::status::{PostStatus, TargetStatus, follow};

/// Something that is done to a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Change content, targets, media, display time.
    Update {
        /// Whether what is changed must be approved again.
        needs_approval: bool,
        /// How many new targets replace those it has; none: they stay.
        new_targets: Option<usize>,
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
    /// Ask a reviewer whether what failed may be published again.
    SubmitRetry,
    /// Let it go out.
    Approve,
    /// Send it back to its author.
    Reject,
    /// Hide it here.
    Delete,
}

impl Step {
    /// Whether it can bring a post into a status that goes out, or waits to.
    #[must_use]
    pub fn opens(self) -> bool {
        matches!(
            self,
            Self::Schedule { .. }
                | Self::Reschedule { .. }
                | Self::Retry
                | Self::SubmitRetry
                | Self::Approve
        )
    }

    /// The places of the targets that it sends on their way, so that their accounts must be able to publish.
    #[must_use]
    pub fn sends(self, before: &State, after: &State) -> Vec<usize> {
        let waits = matches!(after.status, PostStatus::NeedsApproval | PostStatus::Scheduled);
        let is_sent = |place: &usize| {
            after.targets[*place] == TargetStatus::Pending
                && match self {
                    Self::Schedule { .. } | Self::Reschedule { .. } | Self::Approve => true,
                    Self::Retry | Self::SubmitRetry => {
                        before.targets.get(*place) == Some(&TargetStatus::Failed)
                    }
                    Self::Update { new_targets, .. } => new_targets.is_some() && waits,
                    Self::Cancel | Self::Reject | Self::Delete => false,
                }
        };
        (0..after.targets.len()).filter(is_sent).collect()
    }
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
            (
                Step::Update { needs_approval, new_targets },
                Draft | NeedsApproval | Scheduled | Failed | Canceled,
            ) => {
                if needs_approval && self.status == Scheduled {
                    self.status = NeedsApproval;
                }
                if let Some(count) = new_targets {
                    self.replace_targets(count);
                }
            }
            (Step::Reschedule { .. }, Scheduled)
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
            (Step::Cancel, NeedsApproval | Scheduled | Publishing | PartiallyPublished) => {
                let stopped = self.clone().stopped();
                if stopped == self {
                    return refused;
                }
                self = stopped;
            }
            (Step::Retry, Failed | PartiallyPublished | Publishing | Published) => {
                if !self.replace(&[TargetStatus::Failed], TargetStatus::Pending) {
                    return Err(Refused::NothingToRetry);
                }
                self.status = follow(&self.targets);
            }
            (Step::SubmitRetry, Failed) => {
                if !self.replace(&[TargetStatus::Failed], TargetStatus::Pending) {
                    return Err(Refused::NothingToRetry);
                }
                self.status = NeedsApproval;
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
                Step::SubmitRetry,
                Draft | NeedsApproval | Scheduled | Publishing | PartiallyPublished | Published
                | Canceled,
            )
            | (
                Step::Approve | Step::Reject,
                Draft | Scheduled | Publishing | PartiallyPublished | Published | Failed | Canceled,
            )
            | (Step::Delete, Publishing) => return refused,
        }
        Ok(self)
    }

    /// What is left of a post once nothing of it may start any more, whoever asks.
    #[must_use]
    pub fn stopped(mut self) -> Self {
        match self.status {
            PostStatus::NeedsApproval | PostStatus::Scheduled => {
                self.status = PostStatus::Canceled;
                self.targets.fill(TargetStatus::Canceled);
            }
            PostStatus::Publishing | PostStatus::PartiallyPublished => {
                self.replace(
                    &[TargetStatus::Pending, TargetStatus::Failed],
                    TargetStatus::Canceled,
                );
                self.status = follow(&self.targets);
            }
            PostStatus::Draft
            | PostStatus::Published
            | PostStatus::Failed
            | PostStatus::Canceled => {}
        }
        self
    }

    /// New targets wait as their post does. Those of a post that is over are canceled, and with them one that had failed:
    /// nothing is left of what could be tried again.
    fn replace_targets(&mut self, count: usize) {
        let is_over = matches!(self.status, PostStatus::Failed | PostStatus::Canceled);
        let status = if is_over { TargetStatus::Canceled } else { TargetStatus::Pending };
        self.targets = vec![status; count];
        if is_over {
            self.status = PostStatus::Canceled;
        }
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

#[cfg(test)]
mod tests;
