use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{Platform, PostStatus, ReschedulePostRequest, TargetStatus},
};

use crate::support::{
    Standing, System, add_account, after, approve, cancel, disconnect, draft, get, held,
    invalid_fields, lose_token, month, refused, require_approval, reschedule, reschedule_post,
    scheduled, standing, target, target_statuses, units, until_target, waiting_post,
};

const DAY: TimeDelta = TimeDelta::days(1);
/// From the middle of a month into the next one.
const MONTH: TimeDelta = TimeDelta::days(30);

#[tokio::test]
async fn reschedule_post_moves_the_time_and_into_another_month_the_unit() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let (this_month, next) = (month(&system, DAY), month(&system, MONTH));
    assert_ne!(this_month, next);
    let moved = reschedule(&system, client, &post.id, TimeDelta::days(2)).await.unwrap();
    assert_eq!(moved.status(), PostStatus::Scheduled);
    assert_eq!(moved.scheduled_time, after(&system, TimeDelta::days(2)));
    assert_eq!(units(&system, &team.owner, this_month).await, 1);
    reschedule(&system, client, &post.id, MONTH).await.unwrap();
    assert_eq!(units(&system, &team.owner, this_month).await, 0);
    assert_eq!(units(&system, &team.owner, next).await, 1);
    reschedule(&system, client, &post.id, DAY).await.unwrap();
    assert_eq!(units(&system, &team.owner, this_month).await, 1);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn reschedule_post_acts_as_schedule_on_drafts_failed_and_canceled_posts() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for stands in [Standing::Draft, Standing::Failed, Standing::Canceled] {
        let post = standing(&system, &team, stands).await;
        let done = reschedule(&system, client, &post.id, DAY).await.unwrap();
        assert_eq!(done.status(), PostStatus::Scheduled);
        assert_eq!(target_statuses(&done), [TargetStatus::Pending]);
    }
    assert_eq!(held(&system).await, 3);
    for stands in [
        Standing::NeedsApproval,
        Standing::Sending,
        Standing::Lost,
        Standing::PartiallyPublished,
        Standing::Published,
    ] {
        let post = standing(&system, &team, stands).await;
        refused(reschedule(&system, client, &post.id, DAY).await, Reason::PostState);
    }
}

#[tokio::test]
async fn reschedule_post_keeps_the_approval_of_a_scheduled_post() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    approve(&team.reviewer.session, &post.id).await.unwrap();
    let moved = reschedule(&system, &team.editor.session, &post.id, MONTH).await.unwrap();
    assert_eq!(moved.status(), PostStatus::Scheduled);
    assert_eq!(moved.approved_by_user_id, team.reviewer.id());
    cancel(&team.editor.session, &post.id).await.unwrap();
    let anew = reschedule(&system, &team.editor.session, &post.id, DAY).await.unwrap();
    assert_eq!(anew.status(), PostStatus::NeedsApproval);
    assert_eq!(anew.approved_by_user_id, "");
    assert_eq!(anew.approved_time, None);
}

#[tokio::test]
async fn reschedule_post_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    require_approval(&team).await;
    let request = ReschedulePostRequest {
        post_id: "x".to_owned(),
        scheduled_for: after(&system, DAY),
        publish_now: true,
        etag: "x".repeat(33),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(reschedule_post(&team.owner.session, request).await),
        ["etag", "post_id", "publish_now", "request_id"]
    );
    let post = team.editor.session.create_post(draft("", &team.account.id)).await.unwrap();
    let answer = reschedule(&system, &team.owner.session, &post.id, -DAY).await;
    refused(answer, Reason::ScheduleInPast);
    let answer = reschedule(&system, &team.editor.session, &post.id, DAY).await;
    assert_eq!(invalid_fields(answer), ["content"]);
}

#[tokio::test]
async fn reschedule_post_compares_a_given_etag() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    reschedule(&system, client, &post.id, MONTH).await.unwrap();
    let request = ReschedulePostRequest {
        post_id: post.id.clone(),
        publish_now: true,
        etag: post.etag,
        ..Default::default()
    };
    refused(reschedule_post(client, request.clone()).await, Reason::EtagStale);
    let etag = get(client, &post.id).await.unwrap().etag;
    let done = reschedule_post(client, ReschedulePostRequest { etag, ..request }).await.unwrap();
    assert_eq!(done.scheduled_time, after(&system, TimeDelta::zero()));
}

#[tokio::test]
async fn reschedule_post_asks_only_for_the_accounts_it_still_goes_to() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    let mut request = scheduled(&system, "x", &team.account.id);
    request.platforms.push(target(&second));
    let post = client.create_post(request).await.unwrap();
    lose_token(client, &team.account.id).await;
    refused(reschedule(&system, client, &post.id, MONTH).await, Reason::AccountNotActive);
    disconnect(&team.owner, &team.account.id).await;
    until_target(client, &post.id, TargetStatus::Canceled).await;
    let moved = reschedule(&system, client, &post.id, MONTH).await.unwrap();
    assert_eq!(target_statuses(&moved), [TargetStatus::Canceled, TargetStatus::Pending]);
}
