//! What these tests do over and over, as users do it.

mod comments;
mod media;
mod receiver;
mod replica;
mod rows;
mod sandbox;
mod standing;
mod webhooks;

use chrono::{Datelike as _, TimeDelta};
use postbreeze_proto::{
    time::to_proto,
    v1::{
        ApprovePostRequest, CancelPostRequest, ChangeSubscriptionRequest, CreateApiKeyRequest,
        CreatePostRequest, DeletePostRequest, DisconnectSocialAccountRequest, GetPostRequest,
        KeyPermission, ListPostsRequest, Plan, Post, PostTargetInput, RejectPostRequest,
        ReschedulePostRequest, RetryPostRequest, SchedulePostRequest, SocialAccount, TargetStatus,
        UpdatePostRequest, UpdateWorkspaceRequest, Workspace,
    },
};
pub(crate) use postbreeze_testkit::{
    Client, System, Team, User, draft, eventually, invalid_fields, metadata, refused, until_eq,
    until_that, violated_fields, within_seeing,
};
use prost_types::Timestamp;
use tonic::Status;

pub(crate) use self::comments::{
    answers, ask_again, comment_on, inbox, published, refresh, reply, reply_once, written,
};
pub(crate) use self::media::{
    Web, add_image, add_media, await_upload, delete_media, library, media_of,
};
pub(crate) use self::receiver::{Arrival, Receiver};
pub(crate) use self::replica::{Replica, Script};
pub(crate) use self::rows::{
    NewComment, add_account, add_comment, add_post, expire, held, hold_post, revive, units, waiting,
};
pub(crate) use self::webhooks::{
    cancel_one, create, deliveries, delivery_that_failed, delivery_that_is, delivery_when,
    get_webhook, new_webhook, start, webhook_at,
};

pub(crate) use self::standing::{Fate, Standing, lose_token, meet, second_account, standing};

pub(crate) use self::sandbox::{
    accepted, calls, command, due, events, faults, never_due, sent, until, until_target,
    with_comment,
};

macro_rules! answering_a_post {
    ($($rpc:ident: $request:ident;)+) => {$(
        pub(crate) async fn $rpc(client: &Client, request: $request) -> Result<Post, Status> {
            Ok(client.posts().$rpc(request).await?.into_inner().post.unwrap())
        }
    )+};
}

answering_a_post! {
    update_post: UpdatePostRequest;
    schedule_post: SchedulePostRequest;
    reschedule_post: ReschedulePostRequest;
    cancel_post: CancelPostRequest;
    retry_post: RetryPostRequest;
    approve_post: ApprovePostRequest;
    reject_post: RejectPostRequest;
}

pub(crate) async fn get(client: &Client, post_id: &str) -> Result<Post, Status> {
    let request = GetPostRequest { post_id: post_id.to_owned(), ..Default::default() };
    Ok(client.posts().get_post(request).await?.into_inner().post.unwrap())
}

/// The first page of all posts in reach.
pub(crate) async fn list(client: &Client) -> Vec<Post> {
    let answer = client.posts().list_posts(ListPostsRequest::default()).await;
    answer.unwrap().into_inner().posts
}

pub(crate) async fn cancel(client: &Client, post_id: &str) -> Result<Post, Status> {
    cancel_post(client, CancelPostRequest { post_id: post_id.to_owned(), ..Default::default() })
        .await
}

pub(crate) async fn retry(client: &Client, post_id: &str) -> Result<Post, Status> {
    retry_post(client, RetryPostRequest { post_id: post_id.to_owned(), ..Default::default() }).await
}

pub(crate) async fn approve(client: &Client, post_id: &str) -> Result<Post, Status> {
    approve_post(client, ApprovePostRequest { post_id: post_id.to_owned(), ..Default::default() })
        .await
}

pub(crate) async fn delete(client: &Client, post_id: &str) -> Result<(), Status> {
    let request = DeletePostRequest { post_id: post_id.to_owned(), ..Default::default() };
    client.posts().delete_post(request).await.map(drop)
}

/// Schedules a post some time from now.
pub(crate) async fn schedule(
    system: &System,
    client: &Client,
    post_id: &str,
    ahead: TimeDelta,
) -> Result<Post, Status> {
    let request = SchedulePostRequest {
        post_id: post_id.to_owned(),
        scheduled_for: after(system, ahead),
        ..Default::default()
    };
    schedule_post(client, request).await
}

/// Moves a post to some time from now.
pub(crate) async fn reschedule(
    system: &System,
    client: &Client,
    post_id: &str,
    ahead: TimeDelta,
) -> Result<Post, Status> {
    let request = ReschedulePostRequest {
        post_id: post_id.to_owned(),
        scheduled_for: after(system, ahead),
        ..Default::default()
    };
    reschedule_post(client, request).await
}

/// An instant some time from now.
#[expect(clippy::unnecessary_wraps, reason = "messages have optional instants")]
pub(crate) fn after(system: &System, ahead: TimeDelta) -> Option<Timestamp> {
    Some(to_proto(system.clock.now() + ahead))
}

/// A post that goes out tomorrow.
pub(crate) fn scheduled(system: &System, content: &str, account_id: &str) -> CreatePostRequest {
    CreatePostRequest {
        scheduled_for: after(system, TimeDelta::days(1)),
        ..draft(content, account_id)
    }
}

/// A target without anything of its own.
pub(crate) fn target(account_id: &str) -> PostTargetInput {
    PostTargetInput { account_id: account_id.to_owned(), ..Default::default() }
}

/// The statuses of a post's targets, in order.
pub(crate) fn target_statuses(post: &Post) -> Vec<TargetStatus> {
    post.targets.iter().map(postbreeze_proto::v1::PostTarget::status).collect()
}

/// From now on editors' posts need approval.
pub(crate) async fn require_approval(team: &Team) {
    let request = UpdateWorkspaceRequest {
        workspace_id: team.workspace.id.clone(),
        require_approval: Some(true),
        ..Default::default()
    };
    team.owner.session.workspaces().update_workspace(request).await.unwrap();
}

/// An editor's post for tomorrow in a team that requires approval.
pub(crate) async fn waiting_post(system: &System, team: &Team) -> Post {
    require_approval(team).await;
    let request = scheduled(system, "waits", &team.account.id);
    team.editor.session.create_post(request).await.unwrap()
}

/// A key that may only read.
pub(crate) async fn read_only_key(user: &User) -> Client {
    let permission = KeyPermission::ReadOnly.into();
    user.key(CreateApiKeyRequest { permission, ..Default::default() }).await.unwrap().1
}

pub(crate) async fn change_plan(user: &User, plan: Plan) {
    let request = ChangeSubscriptionRequest { plan: plan.into() };
    user.session.billing().change_subscription(request).await.unwrap();
}

pub(crate) async fn disconnect(user: &User, account_id: &str) {
    let request =
        DisconnectSocialAccountRequest { account_id: account_id.to_owned(), ..Default::default() };
    user.session.accounts().disconnect_social_account(request).await.unwrap();
}

/// One more workspace of a user, with an account.
pub(crate) async fn workspace_of(user: &User, name: &str) -> (Workspace, SocialAccount) {
    let workspace = user.session.create_workspace(name).await.unwrap();
    let account = user.session.connect(&workspace.id, name).await.unwrap();
    (workspace, account)
}

/// The UTC month of an instant some time from now, as units are counted.
pub(crate) fn month(system: &System, ahead: TimeDelta) -> i32 {
    let at = system.clock.now() + ahead;
    at.year() * 12 + i32::try_from(at.month0()).unwrap()
}
