use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{CreatePostRequest, PostStatus, PostTargetInput, SchedulePostRequest, TargetStatus},
};
use tonic::Code;

use crate::support::{
    Standing, System, after, cancel, disconnect, draft, get, held, invalid_fields, metadata,
    refused, require_approval, schedule, schedule_post, scheduled, standing, target,
    target_statuses, violated_fields,
};

const DAY: TimeDelta = TimeDelta::days(1);

#[tokio::test]
async fn schedule_post_gives_a_draft_its_time_and_takes_a_unit() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.editor.session;
    let request = CreatePostRequest {
        draft_scheduled_for: after(&system, TimeDelta::days(9)),
        ..draft("x", &team.account.id)
    };
    let post = client.create_post(request).await.unwrap();
    let done = schedule(&system, client, &post.id, DAY).await.unwrap();
    assert_eq!(done.status(), PostStatus::Scheduled);
    assert_eq!(done.scheduled_time, after(&system, DAY));
    assert_eq!(done.draft_scheduled_time, None);
    assert_ne!(done.etag, post.etag);
    assert_eq!(get(client, &post.id).await.unwrap(), done);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn schedule_post_publishes_now() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let request = SchedulePostRequest { post_id: post.id, publish_now: true, ..Default::default() };
    let done = schedule_post(client, request).await.unwrap();
    assert_eq!(done.scheduled_time, after(&system, TimeDelta::zero()));
}

#[tokio::test]
async fn schedule_post_starts_failed_and_canceled_posts_anew() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for stands in [Standing::Failed, Standing::Canceled] {
        let post = standing(&system, &team, stands).await;
        let done = schedule(&system, client, &post.id, DAY).await.unwrap();
        assert_eq!(done.status(), PostStatus::Scheduled);
        assert_eq!(target_statuses(&done), [TargetStatus::Pending]);
    }
    assert_eq!(held(&system).await, 2);
}

#[tokio::test]
async fn schedule_post_by_an_editor_waits_where_approval_is_required() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    for (user, status) in
        [(&team.editor, PostStatus::NeedsApproval), (&team.admin, PostStatus::Scheduled)]
    {
        let post = team.editor.session.create_post(draft("x", &team.account.id)).await.unwrap();
        let done = schedule(&system, &user.session, &post.id, DAY).await.unwrap();
        assert_eq!(done.status(), status);
    }
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn schedule_post_refuses_every_other_status() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (stands, name) in [
        (Standing::NeedsApproval, "NEEDS_APPROVAL"),
        (Standing::Scheduled, "SCHEDULED"),
        (Standing::Sending, "PUBLISHING"),
        (Standing::Lost, "PUBLISHING"),
        (Standing::PartiallyPublished, "PARTIALLY_PUBLISHED"),
        (Standing::Published, "PUBLISHED"),
    ] {
        let post = standing(&system, &team, stands).await;
        let refusal = refused(schedule(&system, client, &post.id, DAY).await, Reason::PostState);
        assert_eq!(refusal.code(), Code::FailedPrecondition);
        assert_eq!(metadata(&refusal, "status").as_deref(), Some(name));
    }
    // All but the one that waits for approval, and as before.
    assert_eq!(held(&system).await, 5);
}

#[tokio::test]
async fn schedule_post_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let request = SchedulePostRequest {
        post_id: "x".to_owned(),
        scheduled_for: after(&system, DAY),
        publish_now: true,
        etag: "x".repeat(33),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(schedule_post(&team.owner.session, request).await),
        ["etag", "post_id", "publish_now", "request_id"]
    );
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let request = SchedulePostRequest { post_id: post.id.clone(), ..Default::default() };
    let answer = schedule_post(&team.owner.session, request).await;
    assert_eq!(invalid_fields(answer), ["scheduled_for"]);
    let answer = schedule(&system, &team.owner.session, &post.id, TimeDelta::zero()).await;
    let status = refused(answer, Reason::ScheduleInPast);
    assert_eq!(violated_fields(&status), ["scheduled_for"]);
    let answer = schedule(&system, &team.owner.session, &post.id, TimeDelta::days(732)).await;
    assert_eq!(invalid_fields(answer), ["scheduled_for"]);
}

#[tokio::test]
async fn schedule_post_of_nothing_to_say_is_refused_also_where_it_would_wait() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let empty = team.editor.session.create_post(draft("", &team.account.id)).await.unwrap();
    let mut request = draft("x", &team.account.id);
    request.platforms =
        vec![PostTargetInput { caption_override: Some(String::new()), ..target(&team.account.id) }];
    let silenced = team.editor.session.create_post(request).await.unwrap();
    for user in [&team.editor, &team.owner] {
        let answer = schedule(&system, &user.session, &empty.id, DAY).await;
        assert_eq!(invalid_fields(answer), ["content"]);
        let answer = schedule(&system, &user.session, &silenced.id, DAY).await;
        assert_eq!(invalid_fields(answer), ["platforms[0].caption_override"]);
    }
}

#[tokio::test]
async fn schedule_post_compares_a_given_etag() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    let request = |etag: &str| SchedulePostRequest {
        post_id: post.id.clone(),
        scheduled_for: after(&system, DAY),
        etag: etag.to_owned(),
        ..Default::default()
    };
    let refusal = refused(schedule_post(client, request(&post.etag)).await, Reason::EtagStale);
    assert_eq!(refusal.code(), Code::Aborted);
    let current = get(client, &post.id).await.unwrap();
    schedule_post(client, request(&current.etag)).await.unwrap();
    // The etag is looked at before the status.
    refused(schedule_post(client, request(&post.etag)).await, Reason::EtagStale);
}

#[tokio::test]
async fn schedule_post_goes_out_to_active_accounts_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    disconnect(&team.owner, &team.account.id).await;
    let answer = schedule(&system, client, &post.id, DAY).await;
    refused(answer, Reason::AccountNotActive);
    assert_eq!(get(client, &post.id).await.unwrap(), post);
    assert_eq!(held(&system).await, 0);
}
