//! What the publisher does to the targets of a post, what becomes of them, and what is to be done next.

use super::{
    status::{PostStatus, TargetStatus, follow},
    step::State,
};

/// The code of an error that says that the account was disconnected, for ever.
pub const ACCOUNT_DISCONNECTED: &str = "account_not_active";

/// The code of an attempt that is not over: the network works on it, and nothing of it can be seen yet.
pub const IN_PROGRESS: &str = "in_progress";

/// What is sent for a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The post itself.
    Post,
    /// The comment that follows it.
    FirstComment,
}

/// Something the publisher does to a target, or learns of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Move {
    /// The right to send it once is written down.
    Begin,
    /// Nobody knows what became of it: its answer was lost, or whoever sent it has died.
    Lose,
    /// The network has it.
    Publish,
    /// The network does not have it, and it is sent again.
    Repeat,
    /// The network does not have it, and it is not sent again.
    Fail,
    /// The network does not have it, and it is not sent any more: its account is gone and nothing was ever sent, or somebody
    /// canceled the rest of its post.
    Drop,
}

impl Move {
    /// Every move.
    pub const ALL: &[Self] =
        &[Self::Begin, Self::Lose, Self::Publish, Self::Repeat, Self::Fail, Self::Drop];
}

impl State {
    /// What a move of one target makes of a post; `None` when it comes too late, or too early.
    #[must_use]
    pub fn moved(mut self, place: usize, what: Move) -> Option<Self> {
        use TargetStatus::{Canceled, Failed, Pending, Published, Publishing, Unknown};
        let waits = matches!(self.status, PostStatus::NeedsApproval | PostStatus::Scheduled);
        let is_under_way = self.status == PostStatus::Publishing;
        let to = match (what, *self.targets.get(place)?) {
            (Move::Begin, Pending) if is_under_way || self.status == PostStatus::Scheduled => {
                Publishing
            }
            (Move::Lose, Publishing) => Unknown,
            (Move::Publish, Publishing | Unknown) => Published,
            // What was sent may be told of late, when it already waits to be sent again.
            (Move::Publish, Pending) if is_under_way => Published,
            (Move::Repeat, Publishing | Unknown) => Pending,
            (Move::Fail, Publishing | Unknown) => Failed,
            // One that was not sent in time may never have begun.
            (Move::Fail, Pending) if is_under_way || self.status == PostStatus::Scheduled => Failed,
            (Move::Drop, Pending) if is_under_way || waits => Canceled,
            (Move::Drop, Publishing | Unknown) => Canceled,
            _ => return None,
        };
        self.targets[place] = to;
        // A post of which nothing was sent yet stays what was asked for, as long as anything of it is left.
        if !(waits && what == Move::Drop && self.targets.contains(&Pending)) {
            self.status = follow(&self.targets);
        }
        Some(self)
    }
}

/// Where the first comment of a target stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommentStatus {
    /// The post is not out, or there is nothing to say.
    None,
    /// To be sent.
    Pending,
    /// An attempt is under way.
    Publishing,
    /// It is out.
    Published,
    /// It was refused.
    Failed,
    /// The answer was lost.
    Unknown,
}

super::status::names!(CommentStatus {
    None = "none",
    Pending = "pending",
    Publishing = "publishing",
    Published = "published",
    Failed = "failed",
    Unknown = "unknown",
});

impl CommentStatus {
    /// What a move makes of the first comment of a target that is out; `None` when it comes too late, or too early.
    #[must_use]
    pub fn moved(self, what: Move) -> Option<Self> {
        match (what, self) {
            (Move::Begin, Self::Pending) => Some(Self::Publishing),
            (Move::Lose, Self::Publishing) => Some(Self::Unknown),
            (Move::Publish, Self::Publishing | Self::Unknown | Self::Pending) => {
                Some(Self::Published)
            }
            (Move::Repeat, Self::Publishing | Self::Unknown) => Some(Self::Pending),
            (Move::Fail | Move::Drop, Self::Publishing | Self::Unknown | Self::Pending) => {
                Some(Self::Failed)
            }
            _ => None,
        }
    }
}

/// What is to be done about a target whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Send this, for which the right must be written down first.
    Send(Part),
    /// Whoever sent this has died: what became of it is not known.
    TakeOver(Part),
    /// Look on the network what became of this.
    Look(Part),
    /// Nothing: it was stopped, or is over.
    Nothing,
}

/// What is to be done about a target of a post that is not deleted.
#[must_use]
pub fn next(post: PostStatus, target: TargetStatus, comment: CommentStatus) -> Next {
    match target {
        TargetStatus::Pending if matches!(post, PostStatus::Scheduled | PostStatus::Publishing) => {
            Next::Send(Part::Post)
        }
        TargetStatus::Publishing => Next::TakeOver(Part::Post),
        TargetStatus::Unknown => Next::Look(Part::Post),
        TargetStatus::Published => match comment {
            CommentStatus::Pending => Next::Send(Part::FirstComment),
            CommentStatus::Publishing => Next::TakeOver(Part::FirstComment),
            CommentStatus::Unknown => Next::Look(Part::FirstComment),
            CommentStatus::None | CommentStatus::Published | CommentStatus::Failed => Next::Nothing,
        },
        TargetStatus::Pending | TargetStatus::Failed | TargetStatus::Canceled => Next::Nothing,
    }
}

#[cfg(test)]
mod tests;
