use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{PostStatus, RetryPostRequest, SandboxFault, TargetStatus},
};

use crate::support::{
    Standing, System, cancel, command, disconnect, faults, get, held, invalid_fields, month,
    refused, reschedule, retry, retry_post, revive, standing, target_statuses, units, until_that,
};

#[tokio::test]
async fn retry_post_publishes_failed_targets_alone_and_asks_for_their_accounts_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = standing(&system, &team, Standing::PartiallyPublished).await;
    let second = &post.targets[1].account_id;
    refused(retry(client, &post.id).await, Reason::AccountNotActive);
    // That the account of what is out is gone is of no account.
    revive(&system, second).await;
    disconnect(&team.owner, &team.account.id).await;
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
    let post = standing(&system, &team, Standing::Failed).await;
    let was = month(&system, TimeDelta::zero());
    assert_eq!(held(&system).await, 0);
    command(client, &team.account.id, faults(&[SandboxFault::ServerError])).await;
    system.clock.turn(TimeDelta::days(20));
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Publishing);
    assert_eq!(units(&system, &team.owner, was).await, 0);
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::zero())).await, 1);
    // Nothing is out: stopping it gives the unit back.
    until_that(
        "it was tried",
        || async { get(client, &post.id).await.unwrap().targets.remove(0) },
        |target| target.attempt_count == 2 && target.status() == TargetStatus::Pending,
    )
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
    for stands in [Standing::Published, Standing::Lost, Standing::Sending] {
        let post = standing(&system, &team, stands).await;
        refused(retry(client, &post.id).await, Reason::NothingToRetry);
    }
    for stands in
        [Standing::Draft, Standing::NeedsApproval, Standing::Scheduled, Standing::Canceled]
    {
        let post = standing(&system, &team, stands).await;
        refused(retry(client, &post.id).await, Reason::PostState);
    }
}

#[tokio::test]
async fn retry_post_leaves_the_time_alone_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = standing(&system, &team, Standing::Failed).await;
    system.clock.turn(TimeDelta::minutes(1));
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
