use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{CancelPostRequest, PostStatus, TargetStatus},
};

use crate::support::{
    Fate, Standing, System, cancel, cancel_post, get, held, invalid_fields, meet, refused,
    reschedule, revive, scheduled, second_account, standing, target, target_statuses, waiting_post,
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
    let second = second_account(&system, &team).await;
    let client = &team.owner.session;
    for (fates, wanted, unit) in [
        ([Fate::Published, Fate::Waiting], PostStatus::Published, 1),
        ([Fate::Sending, Fate::Failed], PostStatus::Publishing, 1),
        ([Fate::Failed, Fate::Waiting], PostStatus::Canceled, 0),
        ([Fate::Published, Fate::Failed], PostStatus::Published, 1),
        // The last: nothing more is sent to an account that the network lets wait.
        ([Fate::Waiting, Fate::Failed], PostStatus::Canceled, 0),
    ] {
        revive(&system, &second).await;
        let before = held(&system).await;
        let mut request = scheduled(&system, "x", &team.account.id);
        request.platforms.push(target(&second));
        let post = client.create_post(request).await.unwrap();
        meet(&system, client, &post, &fates).await;
        let canceled = cancel(client, &post.id).await.unwrap();
        assert_eq!(canceled.status(), wanted, "{fates:?}");
        assert_eq!(canceled.targets[1].status(), TargetStatus::Canceled);
        assert_eq!(held(&system).await, before + unit, "{fates:?}");
    }
}

#[tokio::test]
async fn cancel_post_says_when_it_is_too_late() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for stands in [
        Standing::Draft,
        Standing::Sending,
        Standing::Lost,
        Standing::Published,
        Standing::Failed,
        Standing::Canceled,
    ] {
        let post = standing(&system, &team, stands).await;
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
