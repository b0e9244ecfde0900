use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{ApprovePostRequest, PostStatus, RejectPostRequest, TargetStatus},
};

use crate::support::{
    Standing, System, after, approve, approve_post, cancel, get, held, hold_post, invalid_fields,
    lose_token, month, refused, reject_post, schedule, scheduled, standing, target_statuses, units,
    violated_fields, waiting, waiting_post,
};

const DAY: TimeDelta = TimeDelta::days(1);

#[tokio::test]
async fn approve_post_schedules_for_the_time_that_was_asked_for_and_takes_the_unit() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    assert_eq!(held(&system).await, 0);
    let approved = approve(&team.reviewer.session, &post.id).await.unwrap();
    assert_eq!(approved.status(), PostStatus::Scheduled);
    assert_eq!(approved.scheduled_time, post.scheduled_time);
    assert_eq!(approved.approved_by_user_id, team.reviewer.id());
    assert_eq!(approved.approved_time, after(&system, TimeDelta::zero()));
    assert_eq!(target_statuses(&approved), [TargetStatus::Pending]);
    assert_eq!(get(&team.editor.session, &post.id).await.unwrap(), approved);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn approve_post_takes_a_new_time() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    let request = ApprovePostRequest {
        post_id: post.id,
        scheduled_for: after(&system, TimeDelta::days(30)),
        ..Default::default()
    };
    let approved = approve_post(&team.owner.session, request).await.unwrap();
    assert_eq!(approved.scheduled_time, after(&system, TimeDelta::days(30)));
    assert_eq!(approved.approved_by_user_id, team.owner.id());
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::days(30))).await, 1);
}

#[tokio::test]
async fn approve_post_after_its_time_needs_a_new_one() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    system.clock.turn(DAY);
    let status = refused(approve(&team.admin.session, &post.id).await, Reason::ScheduleInPast);
    assert_eq!(violated_fields(&status), ["scheduled_for"]);
    let request = ApprovePostRequest { post_id: post.id, publish_now: true, ..Default::default() };
    let approved = approve_post(&team.admin.session, request).await.unwrap();
    assert_eq!(approved.scheduled_time, after(&system, TimeDelta::zero()));
}

#[tokio::test]
async fn approve_post_keeps_a_time_that_moved_meanwhile() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    let mut held_back = hold_post(&system, &post.id).await;
    let moving = async {
        waiting(&system, 1).await;
        let id: postbreeze_ids::PostId = post.id.parse().unwrap();
        sqlx::query("UPDATE posts SET scheduled_time = $2, version = version + 1 WHERE id = $1")
            .bind(id.uuid())
            .bind(system.clock.now() + TimeDelta::days(30))
            .execute(&mut *held_back)
            .await
            .unwrap();
        held_back.commit().await.unwrap();
    };
    let approving = approve(&team.reviewer.session, &post.id);
    let (approved, ()) = futures_util::future::join(approving, moving).await;
    assert_eq!(approved.unwrap().scheduled_time, after(&system, TimeDelta::days(30)));
    assert_eq!(units(&system, &team.owner, month(&system, TimeDelta::days(30))).await, 1);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn approve_post_is_never_for_its_author() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    // The editor who wrote it is an admin by now.
    system
        .join(
            &team.owner,
            &team.workspace.id,
            &system.sign_up("x").await,
            postbreeze_proto::v1::Role::Editor,
        )
        .await;
    let request = postbreeze_proto::v1::UpdateMemberRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: team.editor.id().to_owned(),
        role: postbreeze_proto::v1::Role::Admin.into(),
    };
    team.owner.session.members().update_member(request).await.unwrap();
    refused(approve(&team.editor.session, &post.id).await, Reason::OwnPost);
    let request =
        RejectPostRequest { post_id: post.id.clone(), note: "x".to_owned(), ..Default::default() };
    refused(reject_post(&team.editor.session, request).await, Reason::OwnPost);
    approve(&team.admin.session, &post.id).await.unwrap();
}

#[tokio::test]
async fn approve_post_takes_posts_that_wait_alone() {
    let system = System::start().await;
    let team = system.team().await;
    for stands in [
        Standing::Draft,
        Standing::Scheduled,
        Standing::Sending,
        Standing::Lost,
        Standing::PartiallyPublished,
        Standing::Published,
        Standing::Failed,
        Standing::Canceled,
    ] {
        let post = standing(&system, &team, stands).await;
        let before = held(&system).await;
        refused(approve(&team.reviewer.session, &post.id).await, Reason::PostState);
        assert_eq!(held(&system).await, before, "{stands:?}");
    }
}

#[tokio::test]
async fn approve_post_needs_active_accounts() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    lose_token(&team.owner.session, &team.account.id).await;
    refused(approve(&team.reviewer.session, &post.id).await, Reason::AccountNotActive);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn approve_post_compares_a_given_etag_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    cancel(&team.editor.session, &post.id).await.unwrap();
    schedule(&system, &team.editor.session, &post.id, DAY).await.unwrap();
    let stale =
        ApprovePostRequest { post_id: post.id.clone(), etag: post.etag, ..Default::default() };
    refused(approve_post(&team.owner.session, stale.clone()).await, Reason::EtagStale);
    let etag = get(&team.owner.session, &post.id).await.unwrap().etag;
    approve_post(&team.owner.session, ApprovePostRequest { etag, ..stale }).await.unwrap();
    let bad = ApprovePostRequest {
        post_id: "x".to_owned(),
        scheduled_for: after(&system, DAY),
        publish_now: true,
        etag: "x".repeat(33),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(approve_post(&team.owner.session, bad).await),
        ["etag", "post_id", "publish_now", "request_id"]
    );
    let other = team.editor.session.create_post(scheduled(&system, "x", &team.account.id)).await;
    let far = ApprovePostRequest {
        post_id: other.unwrap().id,
        scheduled_for: after(&system, TimeDelta::days(732)),
        ..Default::default()
    };
    assert_eq!(invalid_fields(approve_post(&team.owner.session, far).await), ["scheduled_for"]);
}
