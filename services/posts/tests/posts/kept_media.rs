//! What a post is to show cannot be deleted, and what it no longer is to show can.

use chrono::TimeDelta;
use futures_util::future::join;
use postbreeze_ids::{MediaId, PostId};
use postbreeze_proto::{
    status::Reason,
    v1::{
        CreatePostRequest, Post, PostStatus, PostTargetInput, RejectPostRequest,
        SchedulePostRequest, UpdatePostRequest,
    },
};
use prost_types::FieldMask;
use sqlx::{Postgres, Transaction};

use crate::support::{
    Client, Fate, System, Team, add_image, approve, cancel, delete, delete_media, draft, get,
    hold_post, invalid_fields, list, meet, metadata, refused, reject_post, reschedule, retry,
    revive, schedule, schedule_post, scheduled, second_account, target, until_eq, update_post,
    waiting, waiting_post,
};

const DAY: TimeDelta = TimeDelta::days(1);

fn showing(request: CreatePostRequest, media: &[&str]) -> CreatePostRequest {
    let media_ids = media.iter().map(|id| (*id).to_owned()).collect();
    CreatePostRequest { media_ids, ..request }
}

/// Replaces what a post shows.
fn replace(post: &Post, media: &[&str]) -> UpdatePostRequest {
    UpdatePostRequest {
        post_id: post.id.clone(),
        media_ids: media.iter().map(|id| (*id).to_owned()).collect(),
        update_mask: Some(FieldMask { paths: vec!["media_ids".to_owned()] }),
        ..Default::default()
    }
}

/// Waits until `media` has been told everything.
async fn told(system: &System) {
    until_eq("media has been told", 0_i64, || async {
        sqlx::query_scalar("SELECT count(*) FROM media_notices")
            .fetch_one(system.pool("posts"))
            .await
            .unwrap()
    })
    .await;
}

/// Lets every hold lapse at once: until they do by themselves, posts that are scheduled would be published.
async fn lapse(system: &System) {
    sqlx::query("UPDATE media_uses SET hold_expire_time = $1 WHERE hold_expire_time IS NOT NULL")
        .bind(system.clock.now())
        .execute(system.pool("media"))
        .await
        .unwrap();
}

/// A medium that posts keep, and not only hold for a while.
async fn is_kept(system: &System, client: &Client, media_id: &str, post: &Post) {
    told(system).await;
    lapse(system).await;
    let status = refused(delete_media(client, media_id).await, Reason::MediaInUse);
    assert_eq!(metadata(&status, "posts").as_deref(), Some(post.id.as_str()));
}

/// A medium that nothing keeps, once `media` knows.
async fn is_free(system: &System, client: &Client, media_id: &str) {
    told(system).await;
    delete_media(client, media_id).await.unwrap();
}

#[tokio::test]
async fn a_scheduled_post_keeps_what_it_and_its_targets_show_until_it_is_canceled() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [own, of_target, free] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    let mut request = showing(scheduled(&system, "x", &team.account.id), &[&own]);
    request.platforms[0].media_ids = vec![of_target.clone()];
    // At once, before `media` is told: it was held.
    let post = client.create_post(request).await.unwrap();
    refused(delete_media(client, &own).await, Reason::MediaInUse);
    is_kept(&system, client, &own, &post).await;
    is_kept(&system, client, &of_target, &post).await;
    delete_media(client, &free).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    is_free(&system, client, &own).await;
    is_free(&system, client, &of_target).await;
}

#[tokio::test]
async fn a_draft_keeps_nothing_and_cannot_be_scheduled_once_its_media_are_gone() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [kept, gone] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    let request = showing(draft("x", &team.account.id), &[&kept, &gone]);
    let post = client.create_post(request).await.unwrap();
    delete_media(client, &gone).await.unwrap();
    for answer in [
        schedule(&system, client, &post.id, DAY).await,
        reschedule(&system, client, &post.id, DAY).await,
    ] {
        let status = refused(answer, Reason::ResourceNotFound);
        assert_eq!(metadata(&status, "resource").as_deref(), Some("media"));
        assert_eq!(metadata(&status, "id").as_deref(), Some(gone.as_str()));
    }
    assert_eq!(get(client, &post.id).await.unwrap(), post, "it still shows what it showed");
    update_post(client, replace(&post, &[&kept])).await.unwrap();
    let scheduled = schedule(&system, client, &post.id, DAY).await.unwrap();
    is_kept(&system, client, &kept, &scheduled).await;
}

#[tokio::test]
async fn what_is_refused_before_anything_is_held_holds_nothing() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let image = add_image(&system, &team.workspace.id).await;
    let request = showing(draft("x", &team.account.id), &[&image]);
    let post = client.create_post(request).await.unwrap();
    let stale = SchedulePostRequest {
        post_id: post.id.clone(),
        publish_now: true,
        etag: "other".to_owned(),
        ..Default::default()
    };
    refused(schedule_post(client, stale).await, Reason::EtagStale);
    refused(retry(client, &post.id).await, Reason::PostState);
    let silent =
        PostTargetInput { caption_override: Some("x".repeat(10_001)), ..target(&team.account.id) };
    let bad = CreatePostRequest {
        platforms: vec![silent],
        ..showing(scheduled(&system, "x", &team.account.id), &[&image])
    };
    assert_eq!(invalid_fields(client.create_post(bad).await), ["platforms[0].caption_override"]);
    delete_media(client, &image).await.unwrap();
}

#[tokio::test]
async fn an_update_keeps_what_is_new_and_frees_what_is_not_shown_any_more() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [first, second] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    let request = showing(scheduled(&system, "x", &team.account.id), &[&first]);
    let post = client.create_post(request).await.unwrap();
    update_post(client, replace(&post, &[&second])).await.unwrap();
    is_kept(&system, client, &second, &post).await;
    is_free(&system, client, &first).await;
    update_post(client, replace(&post, &[])).await.unwrap();
    is_free(&system, client, &second).await;
}

#[tokio::test]
async fn a_post_under_review_keeps_its_media_until_it_is_rejected() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.editor.session;
    let image = add_image(&system, &team.workspace.id).await;
    let post = waiting_post(&system, &team).await;
    update_post(client, replace(&post, &[&image])).await.unwrap();
    is_kept(&system, client, &image, &post).await;
    let reject =
        RejectPostRequest { post_id: post.id.clone(), note: "no".to_owned(), ..Default::default() };
    reject_post(&team.reviewer.session, reject).await.unwrap();
    told(&system).await;
    let waits = schedule(&system, client, &post.id, DAY).await.unwrap();
    assert_eq!(waits.status(), PostStatus::NeedsApproval);
    let goes = approve(&team.reviewer.session, &post.id).await.unwrap();
    assert_eq!(goes.status(), PostStatus::Scheduled);
    is_kept(&system, client, &image, &post).await;
    delete(client, &post.id).await.unwrap();
    is_free(&system, client, &image).await;
}

/// A post whose first target is out and shows the first medium, and whose second has failed and shows the other one.
async fn half_out(system: &System, team: &Team) -> (Post, String, String) {
    let client = &team.owner.session;
    let second = second_account(system, team).await;
    let shown = add_image(system, &team.workspace.id).await;
    let of_failed = add_image(system, &team.workspace.id).await;
    let mut request = showing(draft("x", &team.account.id), &[&shown]);
    let failed = target(&second);
    request.platforms.push(PostTargetInput { media_ids: vec![of_failed.clone()], ..failed });
    let post = client.create_post(request).await.unwrap();
    let post = meet(system, client, &post, &[Fate::Published, Fate::Failed]).await;
    // It may be retried at once.
    revive(system, &second).await;
    (post, shown, of_failed)
}

#[tokio::test]
async fn a_retry_keeps_what_the_failed_targets_show_and_no_more() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (post, shown, of_failed) = half_out(&system, &team).await;
    is_free(&system, client, &shown).await;
    // What is retried stays under way: its network is not served here.
    let retried = retry(client, &post.id).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Publishing);
    is_kept(&system, client, &of_failed, &post).await;
}

#[tokio::test]
async fn a_retry_of_what_shows_a_deleted_medium_is_refused() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (post, _, of_failed) = half_out(&system, &team).await;
    is_free(&system, client, &of_failed).await;
    let status = refused(retry(client, &post.id).await, Reason::ResourceNotFound);
    assert_eq!(metadata(&status, "id").as_deref(), Some(of_failed.as_str()));
    assert_eq!(get(client, &post.id).await.unwrap().status(), PostStatus::PartiallyPublished);
}

/// Gives a held post another medium and a new version, as soon as somebody waits for it.
async fn overtake(
    system: &System,
    mut held: Transaction<'static, Postgres>,
    post: &Post,
    media_id: &str,
) {
    // Whoever waits has held what it has seen.
    waiting(system, 1).await;
    let (id, media_id): (PostId, MediaId) = (post.id.parse().unwrap(), media_id.parse().unwrap());
    sqlx::query(
        "UPDATE posts SET version = version + 1, media_ids = ARRAY[$2::UUID] WHERE id = $1",
    )
    .bind(id.uuid())
    .bind(media_id.uuid())
    .execute(&mut *held)
    .await
    .unwrap();
    held.commit().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_post_changed_meanwhile_asks_for_what_the_new_one_shows() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [old, new, gone] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    delete_media(client, &gone).await.unwrap();
    let showing_old = || showing(draft("x", &team.account.id), &[&old]);
    let post = client.create_post(showing_old()).await.unwrap();
    let held = hold_post(&system, &post.id).await;
    let overtaking = overtake(&system, held, &post, &gone);
    let (answer, ()) = join(schedule(&system, client, &post.id, DAY), overtaking).await;
    let status = refused(answer, Reason::ResourceNotFound);
    assert_eq!(metadata(&status, "id").as_deref(), Some(gone.as_str()));
    assert_eq!(get(client, &post.id).await.unwrap().status(), PostStatus::Draft);
    // What was held for it at first.
    refused(delete_media(client, &old).await, Reason::MediaInUse);
    lapse(&system).await;

    let post = client.create_post(showing_old()).await.unwrap();
    let held = hold_post(&system, &post.id).await;
    let overtaking = overtake(&system, held, &post, &new);
    let (answer, ()) = join(schedule(&system, client, &post.id, DAY), overtaking).await;
    assert_eq!(answer.unwrap().media[0].media_id, new);
    is_kept(&system, client, &new, &post).await;
    is_free(&system, client, &old).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_whose_post_changed_meanwhile_keeps_what_it_gives_it() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let [old, new] = [
        add_image(&system, &team.workspace.id).await,
        add_image(&system, &team.workspace.id).await,
    ];
    let request = showing(scheduled(&system, "x", &team.account.id), &[&old]);
    let post = client.create_post(request).await.unwrap();
    let held = hold_post(&system, &post.id).await;
    let overtaking = overtake(&system, held, &post, &old);
    let (answer, ()) = join(update_post(client, replace(&post, &[&new])), overtaking).await;
    assert_eq!(answer.unwrap().media[0].media_id, new);
    is_kept(&system, client, &new, &post).await;
    is_free(&system, client, &old).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_for_a_post_that_was_never_written_lapses() {
    let system = System::start().await;
    let Team { workspace, account, owner, .. } = system.team().await;
    let client = owner.session.clone();
    let image = add_image(&system, &workspace.id).await;
    client.create_post(scheduled(&system, "x", &account.id)).await.unwrap();
    let mut counter = system.pool("posts").begin().await.unwrap();
    sqlx::query("UPDATE post_usage SET units = units").execute(&mut *counter).await.unwrap();
    let request = CreatePostRequest {
        request_id: "once".to_owned(),
        ..showing(scheduled(&system, "y", &account.id), &[&image])
    };
    let writing = tokio::spawn({
        let client = client.clone();
        async move { client.create_post(request).await.map(drop) }
    });
    // It ends between the hold and the commit, as by a kill.
    waiting(&system, 1).await;
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    counter.rollback().await.unwrap();
    refused(delete_media(&client, &image).await, Reason::MediaInUse);
    system.clock.turn(TimeDelta::days(3));
    delete_media(&client, &image).await.unwrap();
    let posts = list(&client).await;
    assert_eq!(posts.len(), 1);
}
