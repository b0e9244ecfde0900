//! The same `request_id` twice.

use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ApprovePostRequest, CreatePostRequest, PostStatus, ReschedulePostRequest, RetryPostRequest,
        SchedulePostRequest,
    },
};
use tonic::Code;

use crate::support::{
    Standing, System, after, approve_post, cancel, draft, get, held, lose_token, month,
    read_only_key, refused, reschedule_post, retry_post, schedule_post, scheduled, standing, units,
    waiting_post,
};

const DAY: TimeDelta = TimeDelta::days(1);

fn once() -> String {
    "once".to_owned()
}

#[tokio::test]
async fn create_post_replays_its_first_answer_for_a_day() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request =
        CreatePostRequest { request_id: once(), ..scheduled(&system, "x", &team.account.id) };
    let first = client.create_post(request.clone()).await.unwrap();
    // Before what depends on the clock, on accounts, on the plan.
    system.clock.turn(TimeDelta::hours(23));
    lose_token(client, &team.account.id).await;
    assert_eq!(client.create_post(request.clone()).await.unwrap(), first);
    assert_eq!(held(&system).await, 1);
    // It is a user's own.
    let other = team
        .editor
        .session
        .create_post(CreatePostRequest { scheduled_for: None, ..request.clone() });
    assert_ne!(other.await.unwrap().id, first.id);
    let reused = CreatePostRequest { content: "y".to_owned(), ..request.clone() };
    let refusal = refused(client.create_post(reused).await, Reason::RequestIdReused);
    assert_eq!(refusal.code(), Code::Aborted);
    // Authority is checked again first.
    let reading = read_only_key(&team.owner).await;
    refused(reading.create_post(request.clone()).await, Reason::KeyReadOnly);
    system.clock.turn(TimeDelta::hours(1));
    refused(client.create_post(request).await, Reason::ScheduleInPast);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_of_create_post_write_one_post() {
    let system = System::start().await;
    let team = system.team().await;
    let request =
        CreatePostRequest { request_id: once(), ..scheduled(&system, "x", &team.account.id) };
    let answers = futures_util::future::join_all((0..8).map(|_| {
        let (client, request) = (team.owner.session.clone(), request.clone());
        async move { client.create_post(request).await.unwrap().id }
    }))
    .await;
    assert!(answers.iter().all(|id| *id == answers[0]));
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn schedule_and_reschedule_post_replay_their_first_answer() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let request = SchedulePostRequest {
        post_id: post.id.clone(),
        scheduled_for: after(&system, DAY),
        etag: post.etag.clone(),
        request_id: once(),
        ..Default::default()
    };
    let first = schedule_post(client, request.clone()).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    system.clock.turn(TimeDelta::hours(1));
    assert_eq!(schedule_post(client, request.clone()).await.unwrap(), first);
    assert_eq!(get(client, &post.id).await.unwrap().status(), PostStatus::Canceled);
    let reused = SchedulePostRequest { publish_now: true, scheduled_for: None, ..request };
    refused(schedule_post(client, reused).await, Reason::RequestIdReused);

    // The same id on another RPC is another request.
    let request = ReschedulePostRequest {
        post_id: post.id.clone(),
        scheduled_for: after(&system, DAY),
        request_id: once(),
        ..Default::default()
    };
    let first = reschedule_post(client, request.clone()).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    assert_eq!(reschedule_post(client, request.clone()).await.unwrap(), first);
    let reused = ReschedulePostRequest { scheduled_for: after(&system, DAY * 2), ..request };
    refused(reschedule_post(client, reused).await, Reason::RequestIdReused);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn retry_post_replays_its_first_answer() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = standing(&system, &team, Standing::Failed).await;
    let other = client.create_post(scheduled(&system, "y", &team.account.id)).await.unwrap();
    let request = RetryPostRequest { post_id: post.id, request_id: once(), ..Default::default() };
    let first = retry_post(client, request.clone()).await.unwrap();
    assert_eq!(retry_post(client, request.clone()).await.unwrap(), first);
    let reused = RetryPostRequest { post_id: other.id, ..request };
    refused(retry_post(client, reused).await, Reason::RequestIdReused);
    assert_eq!(units(&system, &team.owner, month(&system, DAY)).await, 2);
}

#[tokio::test]
async fn approve_post_replays_its_first_answer() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    let request = ApprovePostRequest { post_id: post.id, request_id: once(), ..Default::default() };
    let client = &team.reviewer.session;
    let first = approve_post(client, request.clone()).await.unwrap();
    // Its time has passed by then.
    system.clock.turn(TimeDelta::hours(23));
    assert_eq!(approve_post(client, request.clone()).await.unwrap(), first);
    let reused = ApprovePostRequest { publish_now: true, ..request.clone() };
    refused(approve_post(client, reused).await, Reason::RequestIdReused);
    assert_eq!(held(&system).await, 1);
    refused(approve_post(&team.editor.session, request).await, Reason::RoleInsufficient);
}
