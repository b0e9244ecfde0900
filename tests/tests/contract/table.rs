//! What each RPC asks of its caller, and a request that it grants: the contract's sections 2, 3 and 5 as a table.
//!
//! A request is the JSON form of its message. `$names` stand for what [`crate::world`] makes for the call.

use postbreeze_context::Action;
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
    Member(Found, Action),
    /// Who may do this in the workspace, with a session.
    MemberWithSession(Found, Action),
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
    row(
        "WorkspaceService/GetWorkspace",
        Member(Field, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row("WorkspaceService/ListWorkspaces", Credential, "{}"),
    row(
        "WorkspaceService/UpdateWorkspace",
        Member(Field, Action::UpdateWorkspace),
        r##"{"workspaceId": "$workspace", "brandColor": "#aabbcc"}"##,
    ),
    spoils(
        "WorkspaceService/DeleteWorkspace",
        Member(Field, Action::DeleteWorkspace),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/ListMembers",
        MemberWithSession(Field, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/InviteMember",
        MemberWithSession(Field, Action::ManageMembers),
        r#"{"workspaceId": "$workspace", "email": "$email", "role": "ROLE_EDITOR"}"#,
    ),
    row(
        "MemberService/ListInvitations",
        MemberWithSession(Field, Action::ManageMembers),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MemberService/RevokeInvitation",
        MemberWithSession(ByRow, Action::ManageMembers),
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
        MemberWithSession(Field, Action::ManageMembers),
        r#"{"workspaceId": "$workspace", "userId": "$member", "role": "ROLE_CLIENT_REVIEWER"}"#,
    ),
    spoils(
        "MemberService/RemoveMember",
        MemberWithSession(Field, Action::ManageMembers),
        r#"{"workspaceId": "$workspace", "userId": "$member"}"#,
    ),
    spoils(
        "MemberService/LeaveWorkspace",
        MemberWithSession(Field, Action::Leave),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    spoils(
        "MemberService/TransferOwnership",
        MemberWithSession(Field, Action::TransferWorkspace),
        r#"{"workspaceId": "$workspace", "userId": "$member"}"#,
    ),
    row("BillingService/ListPlans", Credential, "{}"),
    row("BillingService/GetSubscription", Session, "{}"),
    row("BillingService/ChangeSubscription", Session, r#"{"plan": "PLAN_ENTERPRISE"}"#),
    row(
        "BillingService/GetUsage",
        MemberWithSession(Filter, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "BillingService/GetEntitlements",
        Member(Field, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "SocialAccountService/StartConnect",
        Member(Field, Action::ManageAccounts),
        r#"{"workspaceId": "$workspace", "platform": "PLATFORM_SANDBOX"}"#,
    ),
    refused(
        "SocialAccountService/CompleteConnect",
        Member(ByRow, Action::ManageAccounts),
        r#"{"state": "$state", "code": "another"}"#,
        Reason::AccountAlreadyConnected,
    ),
    row(
        "SocialAccountService/GetSocialAccount",
        Member(ByRow, Action::Read),
        r#"{"accountId": "$account"}"#,
    ),
    row(
        "SocialAccountService/ListSocialAccounts",
        Member(Filter, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    spoils(
        "SocialAccountService/DisconnectSocialAccount",
        Member(ByRow, Action::ManageAccounts),
        r#"{"accountId": "$account"}"#,
    ),
    row(
        "SandboxService/SetSandboxBehavior",
        Member(ByRow, Action::ManageAccounts),
        r#"{"accountId": "$account", "behavior": {"nextFaults": ["SANDBOX_FAULT_REFUSED"]}}"#,
    ),
    row(
        "SandboxService/ListSandboxCalls",
        Member(ByRow, Action::Read),
        r#"{"accountId": "$account"}"#,
    ),
    row(
        "SandboxService/AddSandboxComment",
        Member(ByRow, Action::ManageAccounts),
        r#"{"accountId": "$account", "externalPostId": "$sandbox_post", "authorHandle": "ann", "body": "hello"}"#,
    ),
    row(
        "PostService/CreatePost",
        Member(ByRow, Action::WritePosts),
        r#"{"content": "text", "platforms": [{"accountId": "$account"}]}"#,
    ),
    row(
        "PostService/ValidatePost",
        Member(ByRow, Action::Read),
        r#"{"content": "text", "platforms": [{"accountId": "$account"}]}"#,
    ),
    row("PostService/GetPost", Member(ByRow, Action::Read), r#"{"postId": "$draft"}"#),
    row("PostService/ListPosts", Member(Filter, Action::Read), r#"{"workspaceId": "$workspace"}"#),
    row(
        "PostService/UpdatePost",
        Member(ByRow, Action::WritePosts),
        r#"{"postId": "$draft", "content": "other"}"#,
    ),
    row(
        "PostService/SchedulePost",
        Member(ByRow, Action::WritePosts),
        r#"{"postId": "$draft", "scheduledFor": "$tomorrow"}"#,
    ),
    row(
        "PostService/ReschedulePost",
        Member(ByRow, Action::WritePosts),
        r#"{"postId": "$scheduled", "scheduledFor": "$tomorrow"}"#,
    ),
    row("PostService/CancelPost", Member(ByRow, Action::WritePosts), r#"{"postId": "$scheduled"}"#),
    row("PostService/RetryPost", Member(ByRow, Action::WritePosts), r#"{"postId": "$failed"}"#),
    row(
        "PostService/RetryFirstComment",
        Member(ByRow, Action::WritePosts),
        r#"{"postId": "$commented", "targetId": "$commented_target"}"#,
    ),
    row("PostService/ApprovePost", Member(ByRow, Action::ReviewPosts), r#"{"postId": "$waiting"}"#),
    row(
        "PostService/RejectPost",
        Member(ByRow, Action::ReviewPosts),
        r#"{"postId": "$waiting", "note": "not like this"}"#,
    ),
    row("PostService/DeletePost", Member(ByRow, Action::WritePosts), r#"{"postId": "$draft"}"#),
    row("PostService/ListPublishAttempts", Member(ByRow, Action::Read), r#"{"postId": "$draft"}"#),
    row(
        "MediaService/PresignUpload",
        Member(Field, Action::WriteMedia),
        r#"{"workspaceId": "$workspace", "filename": "a.png", "contentType": "image/png", "sizeBytes": "73"}"#,
    ),
    row(
        "MediaService/CompleteUpload",
        Member(ByRow, Action::WriteMedia),
        r#"{"mediaId": "$uploaded"}"#,
    ),
    row(
        "MediaService/IngestFromUrl",
        Member(Field, Action::WriteMedia),
        r#"{"workspaceId": "$workspace", "url": "$picture"}"#,
    ),
    row("MediaService/GetMedia", Member(ByRow, Action::Read), r#"{"mediaId": "$media"}"#),
    row("MediaService/ListMedia", Member(Field, Action::Read), r#"{"workspaceId": "$workspace"}"#),
    row(
        "MediaService/UpdateMedia",
        Member(ByRow, Action::WriteMedia),
        r#"{"mediaId": "$media", "filename": "other.png"}"#,
    ),
    row("MediaService/MoveMedia", Member(ByRow, Action::WriteMedia), r#"{"mediaId": "$media"}"#),
    row("MediaService/DeleteMedia", Member(ByRow, Action::WriteMedia), r#"{"mediaId": "$media"}"#),
    row(
        "MediaService/CreateFolder",
        Member(Field, Action::WriteMedia),
        r#"{"workspaceId": "$workspace", "name": "Folder"}"#,
    ),
    row(
        "MediaService/ListFolders",
        Member(Field, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "MediaService/UpdateFolder",
        Member(ByRow, Action::WriteMedia),
        r#"{"folderId": "$folder", "name": "Other"}"#,
    ),
    row(
        "MediaService/DeleteFolder",
        Member(ByRow, Action::WriteMedia),
        r#"{"folderId": "$folder"}"#,
    ),
    row("CommentService/GetComment", Member(ByRow, Action::Read), r#"{"commentId": "$comment"}"#),
    row(
        "CommentService/ListComments",
        Member(Filter, Action::Read),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "CommentService/MarkCommentRead",
        Member(ByRow, Action::AnswerComments),
        r#"{"commentId": "$comment"}"#,
    ),
    row(
        "CommentService/ReplyToComment",
        Member(ByRow, Action::AnswerComments),
        r#"{"commentId": "$comment", "body": "thanks"}"#,
    ),
    // Once a minute for each workspace.
    spoils(
        "CommentService/RefreshComments",
        Member(Field, Action::RefreshComments),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "WebhookService/CreateWebhook",
        MemberWithSession(Field, Action::ManageWebhooks),
        r#"{"workspaceId": "$workspace", "url": "https://hooks.invalid/",
            "eventTypes": ["WEBHOOK_EVENT_TYPE_POST_FAILED"]}"#,
    ),
    row(
        "WebhookService/GetWebhook",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/ListWebhooks",
        MemberWithSession(Field, Action::ManageWebhooks),
        r#"{"workspaceId": "$workspace"}"#,
    ),
    row(
        "WebhookService/UpdateWebhook",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook", "displayName": "other"}"#,
    ),
    row(
        "WebhookService/DeleteWebhook",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/RotateWebhookSecret",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/ListDeliveries",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook"}"#,
    ),
    row(
        "WebhookService/RedeliverDelivery",
        MemberWithSession(ByRow, Action::ManageWebhooks),
        r#"{"webhookId": "$webhook", "eventId": "$event"}"#,
    ),
];
