use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{CancelPostRequest, Platform, PostStatus, TargetStatus},
};

use crate::support::{
    System, add_account, bring, cancel, cancel_post, draft, get, held, invalid_fields, refused,
    reschedule, scheduled, target, target_statuses, waiting_post,
};

#[tokio::test]
async fn cancel_post_stops_a_scheduled_post_and_gives_its_unit_back_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    client.create_post(scheduled(&system, "y", &team.account.id)).await.unwrap();
    let canceled = cancel(&team.editor.session, &post.id).await.unwrap();
    assert_eq!(canceled.status(), PostStatus::Canceled);
    assert_eq!(target_statuses(&canceled), [TargetStatus::Canceled]);
    assert_eq!(get(client, &post.id).await.unwrap(), canceled);
    refused(cancel(client, &post.id).await, Reason::PostState);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn cancel_post_stops_one_that_waits() {
    let system = System::start().await;
    let team = system.team().await;
    let post = waiting_post(&system, &team).await;
    let canceled = cancel(&team.editor.session, &post.id).await.unwrap();
    assert_eq!(canceled.status(), PostStatus::Canceled);
    assert_eq!(held(&system).await, 0);
}

#[tokio::test]
async fn cancel_post_stops_the_unpublished_rest() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::X).await;
    let client = &team.owner.session;
    for (status, targets, wanted, unit) in [
        ("publishing", ["published", "pending"], PostStatus::Published, 1),
        ("publishing", ["publishing", "failed"], PostStatus::Publishing, 1),
        ("publishing", ["failed", "pending"], PostStatus::Canceled, 0),
        ("partially_published", ["published", "failed"], PostStatus::Published, 1),
    ] {
        let before = held(&system).await;
        let mut request = scheduled(&system, "x", &team.account.id);
        request.platforms.push(target(&second));
        let post = client.create_post(request).await.unwrap();
        bring(&system, &post, status, &targets).await;
        let canceled = cancel(client, &post.id).await.unwrap();
        assert_eq!(canceled.status(), wanted, "{targets:?}");
        assert_eq!(canceled.targets[1].status(), TargetStatus::Canceled);
        assert_eq!(held(&system).await, before + unit, "{targets:?}");
    }
}

#[tokio::test]
async fn cancel_post_says_when_it_is_too_late() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (status, target) in [
        ("draft", "pending"),
        ("publishing", "publishing"),
        ("publishing", "unknown"),
        ("published", "published"),
        ("failed", "failed"),
        ("canceled", "canceled"),
    ] {
        let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
        bring(&system, &post, status, &[target]).await;
        refused(cancel(client, &post.id).await, Reason::PostState);
    }
}

#[tokio::test]
async fn cancel_post_compares_a_given_etag_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    reschedule(&system, client, &post.id, TimeDelta::days(2)).await.unwrap();
    let stale =
        CancelPostRequest { post_id: post.id.clone(), etag: post.etag, ..Default::default() };
    refused(cancel_post(client, stale).await, Reason::EtagStale);
    assert_eq!(get(client, &post.id).await.unwrap().status(), PostStatus::Scheduled);
    cancel(client, &post.id).await.unwrap();
    let bad =
        CancelPostRequest { post_id: "x".to_owned(), etag: "x".repeat(33), ..Default::default() };
    assert_eq!(invalid_fields(cancel_post(client, bad).await), ["etag", "post_id"]);
}
