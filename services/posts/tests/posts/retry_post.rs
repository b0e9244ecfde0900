use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{Platform, PostStatus, RetryPostRequest, SandboxFault, TargetStatus},
};

use crate::support::{
    System, add_account, bring, cancel, command, disconnect, draft, eventually, faults, get, held,
    invalid_fields, month, refused, reschedule, retry, retry_post, scheduled, target,
    target_statuses, units,
};

#[tokio::test]
async fn retry_post_publishes_failed_targets_alone_and_asks_for_their_accounts_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let mut request = scheduled(&system, "x", &team.account.id);
    request.platforms.push(target(&second));
    let post = client.create_post(request).await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    bring(&system, &post, "partially_published", &["failed", "published"]).await;
    refused(retry(client, &post.id).await, Reason::AccountNotActive);
    bring(&system, &post, "partially_published", &["published", "failed"]).await;
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Publishing);
    assert_eq!(target_statuses(&retried), [TargetStatus::Published, TargetStatus::Pending]);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn retry_post_of_a_failed_one_takes_a_unit_of_the_current_month() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let was = month(&system, TimeDelta::zero());
    bring(&system, &post, "failed", &["failed"]).await;
    assert_eq!(held(&system).await, 0);
    command(client, &team.account.id, faults(&[SandboxFault::ServerError])).await;
    system.clock.turn(TimeDelta::days(20));
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Publishing);
    assert_eq!(units(&system, &team.owner, was).await, 0);
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::zero())).await, 1);
    // Nothing is out: stopping it gives the unit back.
    eventually("it was tried", || async {
        let target = &get(client, &post.id).await.unwrap().targets[0];
        target.status() == TargetStatus::Pending && target.error.is_some()
    })
    .await;
    let canceled = cancel(client, &post.id).await.unwrap();
    assert_eq!(canceled.status(), PostStatus::Canceled);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn retry_post_needs_a_failed_target() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (status, target) in [("published", "published"), ("publishing", "unknown")] {
        let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
        bring(&system, &post, status, &[target]).await;
        refused(retry(client, &post.id).await, Reason::NothingToRetry);
    }
    for status in ["draft", "needs_approval", "scheduled", "canceled"] {
        let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
        bring(&system, &post, status, &["failed"]).await;
        refused(retry(client, &post.id).await, Reason::PostState);
    }
}

#[tokio::test]
async fn retry_post_leaves_the_time_alone_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    bring(&system, &post, "failed", &["failed"]).await;
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.scheduled_time, post.scheduled_time);
    refused(reschedule(&system, client, &post.id, TimeDelta::days(1)).await, Reason::PostState);
    let bad = RetryPostRequest {
        post_id: "x".to_owned(),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(invalid_fields(retry_post(client, bad).await), ["post_id", "request_id"]);
}
