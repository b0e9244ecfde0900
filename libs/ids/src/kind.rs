//! What an id can name.

use crate::Id;

/// What an id names.
pub trait Kind: Copy + Eq + Ord + std::hash::Hash + Send + Sync + 'static {
    /// The text before the underscore: `post`.
    const PREFIX: &'static str;
    /// The name in messages for people and in `resource` of an error: `post`.
    const NAME: &'static str;
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident $id:ident $prefix:literal $name:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $kind;

        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
            const NAME: &'static str = $name;
        }

        #[doc = concat!("`", $prefix, "_…`")]
        pub type $id = Id<$kind>;
    )+};
}

kinds! {
    /// A user.
    User UserId "usr" "user";
    /// A workspace, the tenant.
    Workspace WorkspaceId "wsp" "workspace";
    /// An API key.
    Key KeyId "key" "api_key";
    /// A membership of a user in a workspace.
    Member MemberId "mem" "member";
    /// An invitation into a workspace.
    Invitation InvitationId "inv" "invitation";
    /// A social account.
    Account AccountId "soc" "account";
    /// A post.
    Post PostId "post" "post";
    /// A post's target: one account it goes to.
    Target TargetId "tgt" "target";
    /// An attempt to publish a target.
    Attempt AttemptId "att" "attempt";
    /// A media asset.
    Media MediaId "med" "media";
    /// A folder of media.
    Folder FolderId "fld" "folder";
    /// A comment from a network.
    Comment CommentId "cmt" "comment";
    /// A webhook endpoint.
    Webhook WebhookId "whk" "webhook";
    /// An event that webhooks deliver.
    Event EventId "evt" "event";
    /// One call.
    Request RequestId "req" "request";
}
