//! The one table of what each role may do.

use postbreeze_proto::v1;

/// A member's role in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Exactly one per workspace, whose plan counts.
    Owner,
    /// Everything but deleting and transferring the workspace.
    Admin,
    /// Writes and schedules.
    Editor,
    /// Reads, approves, answers comments.
    ClientReviewer,
}

impl Role {
    /// Every role, the mightiest first.
    pub const ALL: [Self; 4] = [Self::Owner, Self::Admin, Self::Editor, Self::ClientReviewer];

    /// The role on the wire.
    #[must_use]
    pub fn to_proto(self) -> v1::Role {
        match self {
            Self::Owner => v1::Role::Owner,
            Self::Admin => v1::Role::Admin,
            Self::Editor => v1::Role::Editor,
            Self::ClientReviewer => v1::Role::ClientReviewer,
        }
    }

    /// The role of a wire value; `None` for the unspecified one.
    #[must_use]
    pub fn from_proto(role: v1::Role) -> Option<Self> {
        match role {
            v1::Role::Unspecified => None,
            v1::Role::Owner => Some(Self::Owner),
            v1::Role::Admin => Some(Self::Admin),
            v1::Role::Editor => Some(Self::Editor),
            v1::Role::ClientReviewer => Some(Self::ClientReviewer),
        }
    }

    /// The role as a database keeps it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Editor => "editor",
            Self::ClientReviewer => "client_reviewer",
        }
    }

    /// The role of its name in a database.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

/// Something a member does in a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read the workspace, posts, accounts, media, comments, attempts.
    Read,
    /// Create, update, schedule, reschedule, cancel, retry, delete posts.
    WritePosts,
    /// Approve or reject a post; who may not approve their own is checked by the post.
    ReviewPosts,
    /// Write media and folders.
    WriteMedia,
    /// Reply to and mark comments.
    AnswerComments,
    /// Fetch comments from the networks.
    RefreshComments,
    /// Connect and disconnect accounts.
    ManageAccounts,
    /// Change the workspace's settings.
    UpdateWorkspace,
    /// Create, change and delete webhooks.
    ManageWebhooks,
    /// Invite, change roles, remove members; whom exactly is checked by the member.
    ManageMembers,
    /// Leave the workspace.
    Leave,
    /// Delete the workspace.
    DeleteWorkspace,
    /// Hand the workspace to another member.
    TransferWorkspace,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 13] = [
        Self::Read,
        Self::WritePosts,
        Self::ReviewPosts,
        Self::WriteMedia,
        Self::AnswerComments,
        Self::RefreshComments,
        Self::ManageAccounts,
        Self::UpdateWorkspace,
        Self::ManageWebhooks,
        Self::ManageMembers,
        Self::Leave,
        Self::DeleteWorkspace,
        Self::TransferWorkspace,
    ];

    /// Whether a member of this role may do it.
    #[must_use]
    pub fn is_allowed_to(self, role: Role) -> bool {
        use Role::{Admin, ClientReviewer, Editor, Owner};
        match self {
            Self::Read | Self::AnswerComments | Self::Leave => true,
            Self::WritePosts | Self::WriteMedia | Self::RefreshComments => {
                matches!(role, Owner | Admin | Editor)
            }
            Self::ReviewPosts => matches!(role, Owner | Admin | ClientReviewer),
            Self::ManageAccounts
            | Self::UpdateWorkspace
            | Self::ManageWebhooks
            | Self::ManageMembers => matches!(role, Owner | Admin),
            Self::DeleteWorkspace | Self::TransferWorkspace => role == Owner,
        }
    }

    /// Whether a read-only key may do it.
    #[must_use]
    pub fn only_reads(self) -> bool {
        self == Self::Read
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// The contract's section 5, line by line: owner, admin, editor, client reviewer.
    const TABLE: [(Action, [bool; 4]); 13] = [
        (Action::Read, [true, true, true, true]),
        (Action::WritePosts, [true, true, true, false]),
        (Action::WriteMedia, [true, true, true, false]),
        (Action::ReviewPosts, [true, true, false, true]),
        (Action::AnswerComments, [true, true, true, true]),
        (Action::RefreshComments, [true, true, true, false]),
        (Action::ManageAccounts, [true, true, false, false]),
        (Action::UpdateWorkspace, [true, true, false, false]),
        (Action::ManageWebhooks, [true, true, false, false]),
        (Action::ManageMembers, [true, true, false, false]),
        (Action::Leave, [true, true, true, true]),
        (Action::DeleteWorkspace, [true, false, false, false]),
        (Action::TransferWorkspace, [true, false, false, false]),
    ];

    #[test]
    fn each_role_may_do_what_the_contract_lists() {
        let roles = [Role::Owner, Role::Admin, Role::Editor, Role::ClientReviewer];
        for (action, allowed) in TABLE {
            assert_eq!(roles.map(|role| action.is_allowed_to(role)), allowed, "{action:?}");
        }
        assert_eq!(TABLE.map(|(action, _)| action).iter().collect::<HashSet<_>>().len(), 13);
        assert_eq!(Role::ALL, roles);
        assert_eq!(Action::ALL.iter().collect::<HashSet<_>>().len(), 13);
    }

    #[test]
    fn a_read_only_key_may_read_and_nothing_else() {
        let allowed = TABLE.map(|(action, _)| action).into_iter().filter(|it| it.only_reads());
        assert_eq!(allowed.collect::<Vec<_>>(), [Action::Read]);
    }

    #[test]
    fn role_names_round_trip() {
        for role in Role::ALL {
            assert_eq!(Role::parse(role.as_str()), Some(role));
            assert_eq!(Role::from_proto(role.to_proto()), Some(role));
        }
        assert_eq!(Role::parse("root"), None);
    }
}
