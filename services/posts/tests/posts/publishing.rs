//! Time passes, and what is due goes out.

use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, ErrorClass, ListPublishAttemptsRequest, Platform, PostStatus,
        PublishAttempt, PublishAttemptStatus, SandboxBehavior, SandboxCallKind, SandboxFault,
        TargetStatus,
    },
};

use crate::support::{
    Client, System, accepted, add_account, calls, cancel, change_plan, command, delete, draft, due,
    events, expire, faults, get, held, never_due, refused, retry, scheduled, sent, target,
    target_statuses, until, until_target, until_that, workspace_of,
};

async fn attempts(client: &Client, post_id: &str) -> Vec<PublishAttempt> {
    let request = ListPublishAttemptsRequest { post_id: post_id.to_owned(), ..Default::default() };
    client.posts().list_publish_attempts(request).await.unwrap().into_inner().attempts
}

fn attempt_statuses(attempts: &[PublishAttempt]) -> Vec<PublishAttemptStatus> {
    attempts.iter().map(PublishAttempt::status).collect()
}

#[tokio::test]
async fn a_due_post_goes_out_once_and_shows_where_it_is() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mut request = scheduled(&system, "content", &team.account.id);
    request.platforms[0].caption_override = Some("caption".to_owned());
    let post = client.create_post(request).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    let published = until(client, &post.id, PostStatus::Published).await;
    let calls = calls(client, &team.account.id, SandboxCallKind::Publish).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].text, "caption");
    let target = &published.targets[0];
    assert_eq!(target.status(), TargetStatus::Published);
    assert_eq!(target.external_post_id, calls[0].external_id);
    assert!(target.external_url.contains(&calls[0].external_id));
    assert_eq!(target.publish_time, Some(postbreeze_proto::time::to_proto(system.clock.now())));
    assert_eq!((target.attempt_count, &target.error), (1, &None));
    assert_ne!(published.etag, post.etag);
    let attempts = attempts(client, &post.id).await;
    assert_eq!(attempt_statuses(&attempts), [PublishAttemptStatus::Published]);
    assert_eq!(attempts[0].external_post_id, target.external_post_id);
    assert!(attempts[0].finish_time.is_some());
    assert_eq!(events(&system, &post.id).await, ["post.published"]);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn what_is_published_now_goes_out_and_what_is_not_due_does_not() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let later = client.create_post(scheduled(&system, "later", &team.account.id)).await.unwrap();
    system.clock.turn(TimeDelta::days(1) - TimeDelta::milliseconds(1));
    let now = CreatePostRequest { publish_now: true, ..draft("now", &team.account.id) };
    let now = client.create_post(now).await.unwrap();
    until(client, &now.id, PostStatus::Published).await;
    assert_eq!(get(client, &later.id).await.unwrap(), later);
    assert_eq!(sent(client, &team.account.id).await, ["now"]);
}

#[tokio::test]
async fn a_network_that_asks_for_time_gets_it() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let behavior = SandboxBehavior {
        retry_after: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..faults(&[SandboxFault::RateLimited])
    };
    command(client, &team.account.id, behavior).await;
    let post = due(&system, client, "x", &team.account.id).await;
    until(client, &post.id, PostStatus::Publishing).await;
    let waiting = until_target(client, &post.id, TargetStatus::Pending).await;
    assert_eq!(waiting.status(), PostStatus::Publishing);
    let error = waiting.targets[0].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("rate_limited", ErrorClass::Transient));
    refused(delete(client, &post.id).await, Reason::PostState);
    system.clock.turn(TimeDelta::seconds(599));
    never_due(client, &other.id).await;
    assert_eq!(sent(client, &team.account.id).await.len(), 1);
    system.clock.turn(TimeDelta::seconds(1));
    let published = until(client, &post.id, PostStatus::Published).await;
    assert_eq!((published.targets[0].attempt_count, &published.targets[0].error), (2, &None));
    let wanted = [PublishAttemptStatus::Published, PublishAttemptStatus::Failed];
    assert_eq!(attempt_statuses(&attempts(client, &post.id).await), wanted);
    let keys = calls(client, &team.account.id, SandboxCallKind::Publish).await;
    assert_eq!(keys[0].key, keys[1].key, "the same content has the same key");
}

#[tokio::test]
async fn what_fails_again_and_again_fails_for_good_and_gives_its_unit_back() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let behavior = SandboxBehavior {
        fault_percent: 100,
        random_faults: vec![SandboxFault::ServerError.into()],
        ..Default::default()
    };
    command(client, &team.account.id, behavior).await;
    let post = due(&system, client, "x", &team.account.id).await;
    for tries in 1..8 {
        until_that(
            "it was tried",
            || async { get(client, &post.id).await.unwrap().targets.remove(0) },
            |target| target.attempt_count == tries && target.status() == TargetStatus::Pending,
        )
        .await;
        assert_eq!(held(&system).await, 1);
        system.clock.turn(TimeDelta::minutes(36));
    }
    let failed = until(client, &post.id, PostStatus::Failed).await;
    let error = failed.targets[0].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("server_error", ErrorClass::Transient));
    assert_eq!(failed.targets[0].attempt_count, 8);
    assert_eq!(held(&system).await, 0);
    assert_eq!(events(&system, &post.id).await, ["post.failed"]);
    // A retry begins anew, and not with the last of eight.
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Publishing);
    until_that(
        "it was tried",
        || async { get(client, &post.id).await.unwrap().targets.remove(0) },
        |target| target.attempt_count == 9 && target.status() == TargetStatus::Pending,
    )
    .await;
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn what_a_network_refuses_fails_at_once_and_goes_out_when_it_is_tried_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    command(client, &team.account.id, faults(&[SandboxFault::Refused])).await;
    let post = due(&system, client, "x", &team.account.id).await;
    let failed = until(client, &post.id, PostStatus::Failed).await;
    let error = failed.targets[0].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("refused", ErrorClass::Permanent));
    assert_eq!(held(&system).await, 0);
    retry(client, &post.id).await.unwrap();
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(held(&system).await, 1);
    assert_eq!(events(&system, &post.id).await, ["post.failed", "post.published"]);
}

#[tokio::test]
async fn an_account_that_has_expired_fails_what_is_due_and_leaves_the_rest_published() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let second = add_account(&system, &team.account, Platform::X).await;
    let mut request = scheduled(&system, "x", &team.account.id);
    request.platforms.push(target(&second));
    let post = client.create_post(request).await.unwrap();
    expire(&system, &second).await;
    system.clock.turn(TimeDelta::days(1));
    let partly = until(client, &post.id, PostStatus::PartiallyPublished).await;
    assert_eq!(target_statuses(&partly), [TargetStatus::Published, TargetStatus::Failed]);
    let error = partly.targets[1].error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("token_expired", ErrorClass::Permanent));
    assert_eq!(events(&system, &post.id).await, ["post.partially_published"]);
    // What is unpublished of it is canceled: the rest is all there is.
    assert_eq!(cancel(client, &post.id).await.unwrap().status(), PostStatus::Published);
    assert_eq!(events(&system, &post.id).await, ["post.partially_published", "post.published"]);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn canceling_stops_what_waits_to_be_tried_again() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    command(client, &team.account.id, faults(&[SandboxFault::ServerError])).await;
    let post = due(&system, client, "x", &team.account.id).await;
    until(client, &post.id, PostStatus::Publishing).await;
    until_target(client, &post.id, TargetStatus::Pending).await;
    assert_eq!(cancel(client, &post.id).await.unwrap().status(), PostStatus::Canceled);
    assert_eq!(events(&system, &post.id).await, ["post.canceled"]);
    assert_eq!(held(&system).await, 0);
    system.clock.turn(TimeDelta::days(2));
    never_due(client, &other.id).await;
    assert_eq!(sent(client, &team.account.id).await.len(), 1);
}

#[tokio::test]
async fn content_that_was_changed_after_a_failure_is_sent_under_another_key() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    command(client, &team.account.id, faults(&[SandboxFault::Refused])).await;
    let post = due(&system, client, "wrong", &team.account.id).await;
    until(client, &post.id, PostStatus::Failed).await;
    let update = postbreeze_proto::v1::UpdatePostRequest {
        post_id: post.id.clone(),
        content: "right".to_owned(),
        ..Default::default()
    };
    crate::support::update_post(client, update).await.unwrap();
    retry(client, &post.id).await.unwrap();
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(accepted(client, &team.account.id).await, ["right"]);
    let sent = calls(client, &team.account.id, SandboxCallKind::Publish).await;
    assert_ne!(sent[0].key, sent[1].key);
}

#[tokio::test]
async fn many_posts_of_one_account_all_go_out() {
    let system = System::start().await;
    let team = system.team().await;
    change_plan(&team.owner, postbreeze_proto::v1::Plan::Enterprise).await;
    let client = &team.owner.session;
    let mut wanted = Vec::new();
    for number in 0..60 {
        let content = format!("post {number:02}");
        client.create_post(scheduled(&system, &content, &team.account.id)).await.unwrap();
        wanted.push(content);
    }
    system.clock.turn(TimeDelta::days(1));
    until_that(
        "all are out",
        || accepted(client, &team.account.id),
        |all| all.len() >= wanted.len(),
    )
    .await;
    assert_eq!(accepted(client, &team.account.id).await, wanted);
    assert_eq!(held(&system).await, 60);
}

/// An older version of this service, which is being replaced, knows nothing of what is due.
#[tokio::test]
async fn a_post_that_was_moved_without_moving_what_is_due_goes_out_at_its_new_time() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    sqlx::query("UPDATE posts SET scheduled_time = scheduled_time + INTERVAL '1 day'")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    system.clock.turn(TimeDelta::days(1));
    never_due(client, &other.id).await;
    assert_eq!(get(client, &post.id).await.unwrap().status(), PostStatus::Scheduled);
    system.clock.turn(TimeDelta::days(1));
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(sent(client, &team.account.id).await, ["x"]);
}
