//! What each RPC asks of its caller, and a request that it grants: the contract's sections 2, 3 and 5 as a table.
//!
//! Nothing here is taken from the code under test: who may do it is written out, line by line as the contract has it.
//!
//! A request is the JSON form of its message. `$names` stand for what [`crate::world`] makes for the call.

use postbreeze_context::Role::{self, Admin, ClientReviewer, Editor, Owner};
use postbreeze_proto::status::Reason;

/// Where the workspace of a call comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// The row that an id names.
    Row,
    /// `workspace_id`, which is required.
    Field,
    /// `workspace_id`, which may be left out.
    Filter,
}

/// Every role.
pub(crate) const ROLES: [Role; 4] = [Owner, Admin, Editor, ClientReviewer];

/// The roles that may do something: the columns that one line of the contract's section 5 ticks.
pub(crate) type Roles = &'static [Role];

/// Read workspace, posts, accounts, media, comments, attempts.
const READ: Roles = &[Owner, Admin, Editor, ClientReviewer];
/// Create, update, schedule, reschedule, cancel, retry, delete posts; write media and folders.
const WRITE: Roles = &[Owner, Admin, Editor];
/// Approve or reject a post that one did not write.
const REVIEW: Roles = &[Owner, Admin, ClientReviewer];
/// Reply to and mark comments.
const ANSWER: Roles = &[Owner, Admin, Editor, ClientReviewer];
/// Refresh comments.
const REFRESH: Roles = &[Owner, Admin, Editor];
/// Connect, disconnect accounts; update the workspace; webhooks.
const MANAGE: Roles = &[Owner, Admin];
/// Invite, change roles, remove members.
const TEAM: Roles = &[Owner, Admin];
/// Leave. Every member may; an owner is told to transfer first.
const LEAVE: Roles = &[Owner, Admin, Editor, ClientReviewer];
/// Delete or transfer the workspace.
const OWN: Roles = &[Owner];

/// Who may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Anyone, without a credential.
    Anyone,
    /// Any credential.
    Credential,
    /// Any credential that may write, but a scoped key.
    UnscopedWriter,
    /// A session.
    Session,
    /// Who may do this in the workspace, with any credential.
    Member(Found, Roles),
    /// Who may do this in the workspace, with a session.
    MemberWithSession(Found, Roles),
}

/// One RPC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    /// `PostService/GetPost`
    pub(crate) rpc: &'static str,
    /// Who may call it.
    pub(crate) who: Who,
    /// A request that it grants.
    pub(crate) request: &'static str,
    /// What it answers whom it admits; none: OK.
    pub(crate) admitted: Option<Reason>,
    /// Whether the call leaves nothing of its workspace, or of its team, to call again with.
    pub(crate) spoils: bool,
}

impl Row {
    /// Whether a read-only key may make the call: "Get, List, Validate, `WhoAmI` only".
    pub(crate) fn only_reads(&self) -> bool {
        let (_, name) = self.rpc.split_once('/').expect("a service and its RPC");
        name == "WhoAmI" || ["Get", "List", "Validate"].iter().any(|verb| name.starts_with(verb))
    }
}

const fn row(rpc: &'static str, who: Who, request: &'static str) -> Row {
    Row { rpc, who, request, admitted: None, spoils: false }
}

const fn spoils(rpc: &'static str, who: Who, request: &'static str) -> Row {
    Row { spoils: true, ..row(rpc, who, request) }
}

const fn refused(rpc: &'static str, who: Who, request: &'static str, reason: Reason) -> Row {
    Row { admitted: Some(reason), ..row(rpc, who, request) }
}

use Found::{Field, Filter, Row as ByRow};
use Who::{Anyone, Credential, Member, MemberWithSession, Session, UnscopedWriter};

/// Every RPC that is served.
pub(crate) const TABLE: &[Row] = &[
    row("UserService/SignUp", Anyone, r#"{"email": "$email", "password": "a long password"}"#),
    row("UserService/SignIn", Anyone, r#"{"email": "$known_email", "password": "$password"}"#),
    spoils("UserService/SignOut", Session, "{}"),
    row("UserService/GetMe", Session, "{}"),
    row("ApiKeyService/CreateApiKey", Session, r#"{"displayName": "key"}"#),
    row("ApiKeyService/GetApiKey", Session, r#"{"keyId": "$key"}"#),
    row("ApiKeyService/ListApiKeys", Session, "{}"),
    row("ApiKeyService/UpdateApiKey", Session, r#"{"keyId": "$key", "displayName": "other"}"#),
    row("ApiKeyService/RotateApiKey", Session, r#"{"keyId": "$key"}"#),
    row("ApiKeyService/RevokeApiKey", Session, r#"{"keyId": "$key"}"#),
    row("ApiKeyService/WhoAmI", Credential, "{}"),
    row("WorkspaceService/CreateWorkspace", UnscopedWriter, r#"{"name": "Another"}"#),
    row("WorkspaceService/GetWorkspace", Member(Field, READ), r#"{"workspaceId": "$workspace"}"#),
    row("WorkspaceService/ListWorkspaces", Credential, "{}"),
    row(
        "WorkspaceService/UpdateWorkspace",
        Member(Field, MANAGE),
        r##"{"workspaceId": "$workspace", "brandColor": "#aabbcc"}"##,
    ),
    spoils(
        "WorkspaceService/DeleteWorkspace",
        Member(Field, OWN),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/ListMembers",
        MemberWithSession(Field, READ),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/InviteMember",
        MemberWithSession(Field, TEAM),
        r#"{"workspaceId": "$workspace", "email": "$email", "role": "ROLE_EDITOR"}"#,
    ),
    row(
        "MemberService/ListInvitations",
        MemberWithSession(Field, TEAM),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/RevokeInvitation",
        MemberWithSession(ByRow, TEAM),
        r#"{"invitationId": "$invitation"}"#,
    ),
    refused(
        "MemberService/AcceptInvitation",
        Session,
        r#"{"invitationToken": "$invitation_token"}"#,
        Reason::InvitationNotYours,
    ),
    row(
        "MemberService/UpdateMember",
        MemberWithSession(Field, TEAM),
        r#"{"workspaceId": "$workspace", "userId": "$member", "role": "ROLE_CLIENT_REVIEWER"}"#,
    ),
    spoils(
        "MemberService/RemoveMember",
        MemberWithSession(Field, TEAM),
        r#"{"workspaceId": "$workspace", "userId": "$member"}"#,
    ),
    spoils(
        "MemberService/LeaveWorkspace",
        MemberWithSession(Field, LEAVE),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    spoils(
        "MemberService/TransferOwnership",
        MemberWithSession(Field, OWN),
        r#"{"workspaceId": "$workspace", "userId": "$member"}"#,
    ),
    row("BillingService/ListPlans", Credential, "{}"),
    row("BillingService/GetSubscription", Session, "{}"),
    row("BillingService/ChangeSubscription", Session, r#"{"plan": "PLAN_ENTERPRISE"}"#),
    row(
        "BillingService/GetUsage",
        MemberWithSession(Filter, READ),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row("BillingService/GetEntitlements", Member(Field, READ), r#"{"workspaceId": "$workspace"}"#),
    row(
        "SocialAccountService/StartConnect",
        Member(Field, MANAGE),
        r#"{"workspaceId": "$workspace", "platform": "PLATFORM_SANDBOX"}"#,
    ),
    refused(
        "SocialAccountService/CompleteConnect",
        Member(ByRow, MANAGE),
        r#"{"state": "$state", "code": "another"}"#,
        Reason::AccountAlreadyConnected,
    ),
    row(
        "SocialAccountService/GetSocialAccount",
        Member(ByRow, READ),
        r#"{"accountId": "$account"}"#,
    ),
    row(
        "SocialAccountService/ListSocialAccounts",
        Member(Filter, READ),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    spoils(
        "SocialAccountService/DisconnectSocialAccount",
        Member(ByRow, MANAGE),
        r#"{"accountId": "$account"}"#,
    ),
    row(
        "SandboxService/SetSandboxBehavior",
        Member(ByRow, MANAGE),
        r#"{"accountId": "$account", "behavior": {"retryAfter": "1s"}}"#,
    ),
    row("SandboxService/ListSandboxCalls", Member(ByRow, READ), r#"{"accountId": "$account"}"#),
    row(
        "SandboxService/AddSandboxComment",
        Member(ByRow, MANAGE),
        r#"{"accountId": "$account", "externalPostId": "$sandbox_post", "authorHandle": "ann", "body": "hello"}"#,
    ),
    row(
        "PostService/CreatePost",
        Member(ByRow, WRITE),
        r#"{"content": "text", "platforms": [{"accountId": "$account"}]}"#,
    ),
    row(
        "PostService/ValidatePost",
        Member(ByRow, READ),
        r#"{"content": "text", "platforms": [{"accountId": "$account"}]}"#,
    ),
    row("PostService/GetPost", Member(ByRow, READ), r#"{"postId": "$draft"}"#),
    row("PostService/ListPosts", Member(Filter, READ), r#"{"workspaceId": "$workspace"}"#),
    row(
        "PostService/UpdatePost",
        Member(ByRow, WRITE),
        r#"{"postId": "$draft", "content": "other"}"#,
    ),
    row(
        "PostService/SchedulePost",
        Member(ByRow, WRITE),
        r#"{"postId": "$draft", "scheduledFor": "$tomorrow"}"#,
    ),
    row(
        "PostService/ReschedulePost",
        Member(ByRow, WRITE),
        r#"{"postId": "$scheduled", "scheduledFor": "$tomorrow"}"#,
    ),
    row("PostService/CancelPost", Member(ByRow, WRITE), r#"{"postId": "$scheduled"}"#),
    row("PostService/RetryPost", Member(ByRow, WRITE), r#"{"postId": "$failed"}"#),
    row(
        "PostService/RetryFirstComment",
        Member(ByRow, WRITE),
        r#"{"postId": "$commented", "targetId": "$commented_target"}"#,
    ),
    row("PostService/ApprovePost", Member(ByRow, REVIEW), r#"{"postId": "$waiting"}"#),
    row(
        "PostService/RejectPost",
        Member(ByRow, REVIEW),
        r#"{"postId": "$waiting", "note": "not like this"}"#,
    ),
    row("PostService/DeletePost", Member(ByRow, WRITE), r#"{"postId": "$draft"}"#),
    row("PostService/ListPublishAttempts", Member(ByRow, READ), r#"{"postId": "$draft"}"#),
    row(
        "MediaService/PresignUpload",
        Member(Field, WRITE),
        r#"{"workspaceId": "$workspace", "filename": "a.png", "contentType": "image/png", "sizeBytes": "73"}"#,
    ),
    row("MediaService/CompleteUpload", Member(ByRow, WRITE), r#"{"mediaId": "$uploaded"}"#),
    row(
        "MediaService/IngestFromUrl",
        Member(Field, WRITE),
        r#"{"workspaceId": "$workspace", "url": "$picture"}"#,
    ),
    row("MediaService/GetMedia", Member(ByRow, READ), r#"{"mediaId": "$media"}"#),
    row("MediaService/ListMedia", Member(Field, READ), r#"{"workspaceId": "$workspace"}"#),
    row(
        "MediaService/UpdateMedia",
        Member(ByRow, WRITE),
        r#"{"mediaId": "$media", "filename": "other.png"}"#,
    ),
    row("MediaService/MoveMedia", Member(ByRow, WRITE), r#"{"mediaId": "$media"}"#),
    row("MediaService/DeleteMedia", Member(ByRow, WRITE), r#"{"mediaId": "$media"}"#),
    row(
        "MediaService/CreateFolder",
        Member(Field, WRITE),
        r#"{"workspaceId": "$workspace", "name": "Folder"}"#,
    ),
    row("MediaService/ListFolders", Member(Field, READ), r#"{"workspaceId": "$workspace"}"#),
    row(
        "MediaService/UpdateFolder",
        Member(ByRow, WRITE),
        r#"{"folderId": "$folder", "name": "Other"}"#,
    ),
    row("MediaService/DeleteFolder", Member(ByRow, WRITE), r#"{"folderId": "$folder"}"#),
    row("CommentService/GetComment", Member(ByRow, READ), r#"{"commentId": "$comment"}"#),
    row("CommentService/ListComments", Member(Filter, READ), r#"{"workspaceId": "$workspace"}"#),
    row("CommentService/MarkCommentRead", Member(ByRow, ANSWER), r#"{"commentId": "$comment"}"#),
    row(
        "CommentService/ReplyToComment",
        Member(ByRow, ANSWER),
        r#"{"commentId": "$comment", "body": "thanks"}"#,
    ),
    // Once a minute for each workspace.
    spoils(
        "CommentService/RefreshComments",
        Member(Field, REFRESH),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "WebhookService/CreateWebhook",
        MemberWithSession(Field, MANAGE),
        r#"{"workspaceId": "$workspace", "url": "https://hooks.invalid/",
            "eventTypes": ["WEBHOOK_EVENT_TYPE_POST_FAILED"]}"#,
    ),
    row(
        "WebhookService/GetWebhook",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/ListWebhooks",
        MemberWithSession(Field, MANAGE),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "WebhookService/UpdateWebhook",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook", "displayName": "other"}"#,
    ),
    row(
        "WebhookService/DeleteWebhook",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/RotateWebhookSecret",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/ListDeliveries",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/RedeliverDelivery",
        MemberWithSession(ByRow, MANAGE),
        r#"{"webhookId": "$webhook", "eventId": "$event"}"#,
    ),
];
