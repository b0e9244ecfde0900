//! The network inside the system, commanded and looked at as users do it, and time that passes for posts.

use chrono::TimeDelta;
use postbreeze_ids::PostId;
use postbreeze_proto::v1::{
    CreatePostRequest, ListSandboxCallsRequest, Post, PostStatus, PostTargetInput, SandboxBehavior,
    SandboxCall, SandboxCallKind, SandboxFault, SetSandboxBehaviorRequest, TargetStatus,
};
use postbreeze_testkit::{Client, System, draft};

use super::{get, scheduled, until_that};

/// How the network answers for an account from now on.
pub(crate) async fn command(client: &Client, account_id: &str, behavior: SandboxBehavior) {
    let request =
        SetSandboxBehaviorRequest { account_id: account_id.to_owned(), behavior: Some(behavior) };
    client.sandbox().set_sandbox_behavior(request).await.unwrap();
}

/// These faults, and then none.
pub(crate) fn faults(faults: &[SandboxFault]) -> SandboxBehavior {
    let next_faults = faults.iter().map(|fault| i32::from(*fault)).collect();
    SandboxBehavior { next_faults, ..Default::default() }
}

/// What the network received for an account, the oldest first.
pub(crate) async fn calls(
    client: &Client,
    account_id: &str,
    kind: SandboxCallKind,
) -> Vec<SandboxCall> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListSandboxCallsRequest {
            account_id: account_id.to_owned(),
            page_size: 200,
            page_token,
            kind: kind.into(),
        };
        let page = client.sandbox().list_sandbox_calls(request).await.unwrap().into_inner();
        all.extend(page.calls);
        if page.next_page_token.is_empty() {
            all.reverse();
            return all;
        }
        page_token = page.next_page_token;
    }
}

/// The texts of the posts that the network received for an account, the oldest first.
pub(crate) async fn sent(client: &Client, account_id: &str) -> Vec<String> {
    let calls = calls(client, account_id, SandboxCallKind::Publish).await;
    calls.into_iter().map(|call| call.text).collect()
}

/// The texts of the posts that the network has of an account, in their order.
pub(crate) async fn accepted(client: &Client, account_id: &str) -> Vec<String> {
    let calls = calls(client, account_id, SandboxCallKind::Publish).await;
    let mut texts: Vec<String> =
        calls.into_iter().filter(|call| call.accepted).map(|call| call.text).collect();
    texts.sort();
    texts
}

/// Waits until a post stands somewhere.
pub(crate) async fn until(client: &Client, post_id: &str, status: PostStatus) -> Post {
    let what = format!("the post is {}", status.as_str_name());
    until_that(
        &what,
        || async { get(client, post_id).await.unwrap() },
        |post| post.status() == status,
    )
    .await
}

/// Waits until the first target of a post stands somewhere.
pub(crate) async fn until_target(client: &Client, post_id: &str, status: TargetStatus) -> Post {
    let what = format!("the target is {}", status.as_str_name());
    until_that(
        &what,
        || async { get(client, post_id).await.unwrap() },
        |post| post.targets[0].status() == status,
    )
    .await
}

/// A post for one account that is due now.
pub(crate) async fn due(system: &System, client: &Client, content: &str, account_id: &str) -> Post {
    let post = client.create_post(scheduled(system, content, account_id)).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    post
}

/// Sees to it that the publisher has dealt with what is due by now: a post to another account goes out after it.
pub(crate) async fn never_due(client: &Client, other_account_id: &str) {
    let request = CreatePostRequest { publish_now: true, ..draft("later", other_account_id) };
    let post = client.create_post(request).await.unwrap();
    until(client, &post.id, PostStatus::Published).await;
}

/// A post with a first comment.
pub(crate) fn with_comment(request: CreatePostRequest, comment: &str) -> CreatePostRequest {
    let platforms = request.platforms.into_iter();
    let platforms =
        platforms.map(|target| PostTargetInput { first_comment: comment.to_owned(), ..target });
    CreatePostRequest { platforms: platforms.collect(), ..request }
}

/// The kinds of the events of a post, in order.
pub(crate) async fn events(system: &System, post_id: &str) -> Vec<String> {
    let post_id: PostId = post_id.parse().unwrap();
    sqlx::query_scalar("SELECT kind FROM events WHERE subject_id = $1 ORDER BY id")
        .bind(post_id.uuid())
        .fetch_all(system.pool("posts"))
        .await
        .unwrap()
}
