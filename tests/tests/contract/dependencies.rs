//! Which RPC needs which service: with any other one stopped it answers as ever, whole.

use postbreeze_proto::status::Reason;
use postbreeze_tests::wire::{Answer, Call};
use prost::Message as _;
use prost_reflect::Value;
use tonic::Code;

use crate::{
    table::{Row, TABLE, Who},
    world::{Target, World, rpc_of},
};

const OWNERS: [&str; 5] = ["identity", "workspaces", "posts", "media", "accounts"];

/// Every RPC, with the services without which the request of its row in [`TABLE`] is not answered. `identity` tells whose
/// a credential is, `workspaces` what its user reaches; `accounts` is asked where something is to be sent to an account.
const NEEDS: &[(&str, &str)] = &[
    ("UserService/SignUp", "identity"),
    ("UserService/SignIn", "identity"),
    ("UserService/SignOut", "identity"),
    ("UserService/GetMe", "identity"),
    ("ApiKeyService/CreateApiKey", "identity workspaces"),
    ("ApiKeyService/GetApiKey", "identity"),
    ("ApiKeyService/ListApiKeys", "identity"),
    ("ApiKeyService/UpdateApiKey", "identity workspaces"),
    ("ApiKeyService/RotateApiKey", "identity"),
    ("ApiKeyService/RevokeApiKey", "identity"),
    ("ApiKeyService/WhoAmI", "identity workspaces"),
    ("WorkspaceService/CreateWorkspace", "identity workspaces"),
    ("WorkspaceService/GetWorkspace", "identity workspaces"),
    ("WorkspaceService/ListWorkspaces", "identity workspaces"),
    ("WorkspaceService/UpdateWorkspace", "identity workspaces"),
    ("WorkspaceService/DeleteWorkspace", "identity workspaces"),
    ("MemberService/ListMembers", "identity workspaces"),
    ("MemberService/InviteMember", "identity workspaces"),
    ("MemberService/ListInvitations", "identity workspaces"),
    ("MemberService/RevokeInvitation", "identity workspaces"),
    ("MemberService/AcceptInvitation", "identity workspaces"),
    ("MemberService/UpdateMember", "identity workspaces"),
    ("MemberService/RemoveMember", "identity workspaces"),
    ("MemberService/LeaveWorkspace", "identity workspaces"),
    ("MemberService/TransferOwnership", "identity workspaces"),
    ("BillingService/ListPlans", "identity workspaces"),
    ("BillingService/GetSubscription", "identity workspaces"),
    ("BillingService/ChangeSubscription", "identity workspaces"),
    ("BillingService/GetUsage", "identity workspaces posts media"),
    ("BillingService/GetEntitlements", "identity workspaces"),
    ("SocialAccountService/StartConnect", "identity workspaces accounts"),
    ("SocialAccountService/CompleteConnect", "identity workspaces accounts"),
    ("SocialAccountService/GetSocialAccount", "identity workspaces accounts"),
    ("SocialAccountService/ListSocialAccounts", "identity workspaces accounts"),
    ("SocialAccountService/DisconnectSocialAccount", "identity workspaces accounts"),
    ("SandboxService/SetSandboxBehavior", "identity workspaces accounts"),
    ("SandboxService/ListSandboxCalls", "identity workspaces accounts"),
    ("SandboxService/AddSandboxComment", "identity workspaces accounts"),
    ("PostService/CreatePost", "identity workspaces posts accounts"),
    ("PostService/ValidatePost", "identity workspaces posts accounts"),
    ("PostService/GetPost", "identity workspaces posts"),
    ("PostService/ListPosts", "identity workspaces posts"),
    ("PostService/UpdatePost", "identity workspaces posts"),
    ("PostService/SchedulePost", "identity workspaces posts accounts"),
    ("PostService/ReschedulePost", "identity workspaces posts accounts"),
    ("PostService/CancelPost", "identity workspaces posts"),
    ("PostService/RetryPost", "identity workspaces posts accounts"),
    ("PostService/RetryFirstComment", "identity workspaces posts accounts"),
    ("PostService/ApprovePost", "identity workspaces posts accounts"),
    ("PostService/RejectPost", "identity workspaces posts"),
    ("PostService/DeletePost", "identity workspaces posts"),
    ("PostService/ListPublishAttempts", "identity workspaces posts"),
    ("MediaService/PresignUpload", "identity workspaces media"),
    ("MediaService/CompleteUpload", "identity workspaces media"),
    ("MediaService/IngestFromUrl", "identity workspaces media"),
    ("MediaService/GetMedia", "identity workspaces media"),
    ("MediaService/ListMedia", "identity workspaces media"),
    ("MediaService/UpdateMedia", "identity workspaces media"),
    ("MediaService/MoveMedia", "identity workspaces media"),
    ("MediaService/DeleteMedia", "identity workspaces media"),
    ("MediaService/CreateFolder", "identity workspaces media"),
    ("MediaService/ListFolders", "identity workspaces media"),
    ("MediaService/UpdateFolder", "identity workspaces media"),
    ("MediaService/DeleteFolder", "identity workspaces media"),
    ("CommentService/GetComment", "identity workspaces posts"),
    ("CommentService/ListComments", "identity workspaces posts"),
    ("CommentService/MarkCommentRead", "identity workspaces posts"),
    ("CommentService/ReplyToComment", "identity workspaces posts accounts"),
    ("CommentService/RefreshComments", "identity workspaces posts"),
    ("WebhookService/CreateWebhook", "identity workspaces posts"),
    ("WebhookService/GetWebhook", "identity workspaces posts"),
    ("WebhookService/ListWebhooks", "identity workspaces posts"),
    ("WebhookService/UpdateWebhook", "identity workspaces posts"),
    ("WebhookService/DeleteWebhook", "identity workspaces posts"),
    ("WebhookService/RotateWebhookSecret", "identity workspaces posts"),
    ("WebhookService/ListDeliveries", "identity workspaces posts"),
    ("WebhookService/RedeliverDelivery", "identity workspaces posts"),
];

#[test]
fn every_rpc_says_what_it_needs() {
    let told: Vec<_> = NEEDS.iter().map(|(rpc, _)| *rpc).collect();
    let served: Vec<_> = TABLE.iter().map(|row| row.rpc).collect();
    assert_eq!(told, served);
}

#[tokio::test]
async fn an_rpc_is_answered_while_a_service_is_stopped_that_it_does_not_need() {
    let world = World::start().await;
    let mut wrong = Vec::new();
    for owner in OWNERS {
        let shared = world.place().await;
        for (row, (_, needs)) in TABLE.iter().zip(NEEDS) {
            let place = if row.spoils { world.place().await } else { shared.clone() };
            // An owner never leaves.
            let leaves = row.rpc == "MemberService/LeaveWorkspace";
            let caller = if leaves { &world.team.editor } else { &world.team.owner };
            let request = world.request(row, Target::Of(&place), caller).await.encode_to_vec();
            let credential = match row.who {
                Who::Anyone => None,
                // Signing out must not end the session that the others are called with.
                _ if row.spoils => Some(world.sign_in(caller).await),
                _ => Some(caller.session_token.clone()),
            };
            let path = rpc_of(row).path();
            world.system.stop_owner(owner);
            let answer = Call::new(&path, credential.as_deref(), &request).send(&world.front).await;
            world.system.start_owner(owner);
            let is_needed = needs.split(' ').any(|needed| needed == owner);
            let is_right = if is_needed {
                answer.code() == Code::Unavailable
                    && answer.reason() == Some(Reason::SourceUnreachable)
            } else {
                is_whole(row, &answer)
            };
            if !is_right {
                let told = answer.told();
                wrong.push(format!("{} without {owner} (needed: {is_needed}): {told}", row.rpc));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whether an answer is what the table of rows says, and lacks no workspace.
fn is_whole(row: &Row, answer: &Answer) -> bool {
    let Some(bytes) = answer.message.as_ref().filter(|_| answer.code() == Code::Ok) else {
        return row.admitted.is_some() && answer.reason() == row.admitted;
    };
    let message = rpc_of(row).response(bytes);
    let unreachable = message.get_field_by_name("unreachable");
    let lacks =
        unreachable.as_deref().and_then(Value::as_list).is_some_and(|rows| !rows.is_empty());
    row.admitted.is_none() && !lacks
}
