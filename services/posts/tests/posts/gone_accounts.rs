//! Each target that waits for an account that is gone ends, however it came to wait, and keeps nobody else waiting.

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use postbreeze_proto::v1::{
    CreatePostRequest, DeleteWorkspaceRequest, Plan, Post, PostStatus, SandboxBehavior,
    SandboxFault, TargetStatus,
};

use crate::support::{
    Client, System, cancel, change_plan, command, disconnect, draft, events, eventually, faults,
    get, held, never_due, require_approval, retry, schedule, scheduled, sent, target,
    target_statuses, until, until_target, until_that, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

fn now(content: &str, account_id: &str) -> CreatePostRequest {
    CreatePostRequest { publish_now: true, ..draft(content, account_id) }
}

/// The network refuses everything of an account.
fn refusing() -> SandboxBehavior {
    SandboxBehavior {
        fault_percent: 100,
        random_faults: vec![SandboxFault::Refused.into()],
        ..Default::default()
    }
}

/// A post that the network refused.
async fn failed(client: &Client, account_id: &str) -> Post {
    let post = client.create_post(now("x", account_id)).await.unwrap();
    until(client, &post.id, PostStatus::Failed).await
}

/// A post that was canceled while it waited to be tried again.
async fn canceled_after_an_attempt(client: &Client, account_id: &str) -> Post {
    command(client, account_id, faults(&[SandboxFault::ServerError])).await;
    let post = client.create_post(now("x", account_id)).await.unwrap();
    until_that(
        "it waits to be tried again",
        || get(client, &post.id),
        |post| {
            let target = &post.as_ref().unwrap().targets[0];
            target.status() == TargetStatus::Pending && target.attempt_count == 1
        },
    )
    .await
    .unwrap();
    cancel(client, &post.id).await.unwrap()
}

#[tokio::test]
async fn what_was_tried_before_and_scheduled_again_is_canceled_with_its_account() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let canceled = canceled_after_an_attempt(client, &team.account.id).await;
    command(client, &team.account.id, refusing()).await;
    let failed = [
        failed(client, &team.account.id).await,
        failed(&team.editor.session, &team.account.id).await,
    ];
    schedule(&system, client, &canceled.id, DAY).await.unwrap();
    schedule(&system, client, &failed[0].id, DAY).await.unwrap();
    require_approval(&team).await;
    let waits = schedule(&system, &team.editor.session, &failed[1].id, DAY).await.unwrap();
    assert_eq!(waits.status(), PostStatus::NeedsApproval);
    let received = sent(client, &team.account.id).await.len();
    assert_eq!(held(&system).await, 2);
    disconnect(&team.owner, &team.account.id).await;
    for post in [&canceled, &failed[0], &failed[1]] {
        let ended = until(client, &post.id, PostStatus::Canceled).await;
        assert_eq!(target_statuses(&ended), [TargetStatus::Canceled]);
        assert_eq!(ended.targets[0].error.clone().unwrap().code, "account_not_active");
        assert_eq!(ended.targets[0].attempt_count, 1);
    }
    assert_eq!(events(&system, &failed[0].id).await, ["post.failed", "post.canceled"]);
    assert_eq!(held(&system).await, 0);
    system.clock.turn(DAY);
    never_due(client, &other.id).await;
    assert_eq!(received, 3);
}

#[tokio::test]
async fn what_is_to_be_tried_again_fails_with_its_account_and_its_other_target_goes_on() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mastodon =
        crate::support::add_account(&system, &team.account, postbreeze_proto::v1::Platform::X)
            .await;
    command(client, &team.account.id, faults(&[SandboxFault::ServerError])).await;
    let mut both = scheduled(&system, "both", &team.account.id);
    both.platforms.push(target(&mastodon));
    let both = client.create_post(both).await.unwrap();
    system.clock.turn(DAY);
    eventually("one waits to be tried again", || async {
        let both = get(client, &both.id).await.unwrap();
        both.targets[0].attempt_count == 1 && both.targets[0].status() == TargetStatus::Pending
    })
    .await;
    disconnect(&team.owner, &team.account.id).await;
    until_target(client, &both.id, TargetStatus::Failed).await;
    let left = get(client, &both.id).await.unwrap();
    assert_eq!(left.targets[0].error.clone().unwrap().code, "account_not_active");
}

/// Stuck targets are the oldest that are due: they would be read first, for ever.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_such_posts_keep_nobody_elses_from_going_out() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    change_plan(&ann, Plan::Enterprise).await;
    let client = &ann.session;
    let (_, account) = workspace_of(&ann, "acme").await;
    let bob = system.sign_up("bob").await;
    let (_, other) = workspace_of(&bob, "globex").await;
    command(client, &account.id, refusing()).await;
    let posts: Vec<Post> =
        stream::iter(0..262).map(|_| failed(client, &account.id)).buffered(4).collect().await;
    let again = stream::iter(&posts).map(|post| schedule(&system, client, &post.id, DAY));
    for scheduled in again.buffered(4).collect::<Vec<_>>().await {
        assert_eq!(scheduled.unwrap().status(), PostStatus::Scheduled);
    }
    assert_eq!(held(&system).await, 262);
    disconnect(&ann, &account.id).await;
    system.clock.turn(DAY + TimeDelta::seconds(1));
    never_due(&bob.session, &other.id).await;
    for post in &posts {
        until(client, &post.id, PostStatus::Canceled).await;
    }
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn what_was_scheduled_again_ends_with_its_workspace_or_when_its_token_is_not_taken() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let client = &ann.session;
    let (_, other) = workspace_of(&ann, "globex").await;
    let (workspace, account) = workspace_of(&ann, "acme").await;
    command(client, &account.id, refusing()).await;
    let gone = failed(client, &account.id).await;
    schedule(&system, client, &gone.id, DAY).await.unwrap();
    let (_, revoked) = workspace_of(&ann, "umbrella").await;
    command(client, &revoked.id, faults(&[SandboxFault::Refused, SandboxFault::TokenRevoked]))
        .await;
    let first = failed(client, &revoked.id).await;
    schedule(&system, client, &first.id, DAY).await.unwrap();
    let second = client.create_post(scheduled(&system, "second", &revoked.id)).await.unwrap();
    assert_eq!(held(&system).await, 3);
    let request = DeleteWorkspaceRequest { workspace_id: workspace.id.clone() };
    client.workspaces().delete_workspace(request).await.unwrap();
    system.clock.turn(DAY);
    for post in [&first, &second] {
        until(client, &post.id, PostStatus::Failed).await;
    }
    eventually("all units are given back", || async { held(&system).await == 0 }).await;
    never_due(client, &other.id).await;
    // The token is replaced: they can be sent again.
    assert_eq!(retry(client, &first.id).await.map(|post| post.status()).ok(), None);
}
