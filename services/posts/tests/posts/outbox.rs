//! What is written down for webhooks, with what happened and never without it.

use chrono::TimeDelta;
use postbreeze_ids::PostId;
use postbreeze_proto::{
    status::Reason,
    v1::{Post, SandboxFault, TargetStatus, UpdatePostRequest},
};

use crate::support::{
    Fate, Standing, System, cancel, command, delete, faults, meet, refused, retry, revive,
    schedule, scheduled, second_account, standing, target, until_target, update_post, waiting_post,
};

/// The kinds of what was written down about a post, the oldest first.
async fn told(system: &System, post: &Post) -> Vec<String> {
    let data = format!("{{\"post_id\":\"{}\"}}", post.id);
    sqlx::query_scalar("SELECT kind FROM events WHERE data = $1 ORDER BY id")
        .bind(data)
        .fetch_all(system.pool("posts"))
        .await
        .unwrap()
}

#[tokio::test]
async fn canceling_is_told_once_and_what_is_refused_is_not() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    assert!(told(&system, &post).await.is_empty());
    cancel(client, &post.id).await.unwrap();
    assert_eq!(told(&system, &post).await, ["post.canceled"]);
    refused(cancel(client, &post.id).await, Reason::PostState);
    assert_eq!(told(&system, &post).await, ["post.canceled"]);
    // It ends a second time.
    schedule(&system, client, &post.id, TimeDelta::days(1)).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    assert_eq!(told(&system, &post).await, ["post.canceled", "post.canceled"]);
    delete(client, &post.id).await.unwrap();
    assert_eq!(told(&system, &post).await.len(), 2);
}

#[tokio::test]
async fn canceling_what_waits_for_approval_is_told() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    cancel(&team.editor.session, &post.id).await.unwrap();
    assert_eq!(told(&system, &post).await, ["post.canceled"]);
}

#[tokio::test]
async fn canceling_the_rest_of_a_post_tells_how_it_ended() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let second = second_account(&system, &team).await;
    for (fates, wanted) in [
        ([Fate::Published, Fate::Waiting], &["post.published"][..]),
        ([Fate::Published, Fate::Failed], &["post.partially_published", "post.published"]),
        ([Fate::Sending, Fate::Waiting], &[]),
        // The last: nothing more is sent to an account that the network lets wait.
        ([Fate::Waiting, Fate::Failed], &["post.canceled"]),
    ] {
        revive(&system, &second).await;
        let mut request = scheduled(&system, "x", &team.account.id);
        request.platforms.push(target(&second));
        let post = client.create_post(request).await.unwrap();
        meet(&system, client, &post, &fates).await;
        cancel(client, &post.id).await.unwrap();
        assert_eq!(told(&system, &post).await, wanted, "{fates:?}");
    }
}

#[tokio::test]
async fn what_does_not_end_is_not_told() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = standing(&system, &team, Standing::Failed).await;
    assert_eq!(told(&system, &post).await, ["post.failed"]);
    // New targets of a failed post are canceled: it was over before.
    let update = UpdatePostRequest {
        post_id: post.id.clone(),
        platforms: vec![target(&team.account.id)],
        ..Default::default()
    };
    update_post(client, update).await.unwrap();
    assert_eq!(told(&system, &post).await, ["post.failed"]);
    let failed = standing(&system, &team, Standing::Failed).await;
    command(client, &team.account.id, faults(&[SandboxFault::AnswerLost])).await;
    retry(client, &failed.id).await.unwrap();
    until_target(client, &failed.id, TargetStatus::Unknown).await;
    assert_eq!(told(&system, &failed).await, ["post.failed"]);
}

#[tokio::test]
async fn an_event_has_the_bucket_of_its_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    let bucket = post.id.parse::<PostId>().unwrap().bucket();
    let (kept, id): (i16, uuid::Uuid) = sqlx::query_as("SELECT bucket, id FROM events")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap();
    assert_eq!(kept, bucket.as_i16());
    assert_eq!(postbreeze_ids::EventId::from_uuid(id).bucket(), bucket);
}
