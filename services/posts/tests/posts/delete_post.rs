use chrono::TimeDelta;
use postbreeze_proto::{status::Reason, v1::DeletePostRequest};

use crate::support::{
    Standing, System, delete, draft, get, held, invalid_fields, list, refused, reschedule,
    scheduled, standing, waiting_post,
};

#[tokio::test]
async fn delete_post_hides_a_post_everywhere_and_gives_its_unit_back_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    let kept = client.create_post(scheduled(&system, "y", &team.account.id)).await.unwrap();
    delete(&team.editor.session, &post.id).await.unwrap();
    refused(get(client, &post.id).await, Reason::ResourceNotFound);
    refused(delete(client, &post.id).await, Reason::ResourceNotFound);
    assert_eq!(list(client).await, [kept]);
    assert_eq!(held(&system).await, 1);
}

#[tokio::test]
async fn delete_post_takes_every_status_but_publishing_and_a_published_one_keeps_its_unit() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (stands, unit) in [
        (Standing::PartiallyPublished, 1),
        (Standing::Published, 1),
        (Standing::Scheduled, 0),
        (Standing::Failed, 0),
        (Standing::Canceled, 0),
    ] {
        let before = held(&system).await;
        let post = standing(&system, &team, stands).await;
        delete(client, &post.id).await.unwrap();
        assert_eq!(held(&system).await, before + unit, "{stands:?}");
    }
    for stands in [Standing::Sending, Standing::Lost] {
        let post = standing(&system, &team, stands).await;
        refused(delete(client, &post.id).await, Reason::PostState);
    }
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    delete(client, &post.id).await.unwrap();
    let post = waiting_post(&system, &team).await;
    delete(client, &post.id).await.unwrap();
}

#[tokio::test]
async fn delete_post_compares_a_given_etag_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(scheduled(&system, "x", &team.account.id)).await.unwrap();
    reschedule(&system, client, &post.id, TimeDelta::days(2)).await.unwrap();
    let stale =
        DeletePostRequest { post_id: post.id.clone(), etag: post.etag, ..Default::default() };
    refused(client.posts().delete_post(stale).await, Reason::EtagStale);
    delete(client, &post.id).await.unwrap();
    let bad =
        DeletePostRequest { post_id: "x".to_owned(), etag: "x".repeat(33), ..Default::default() };
    assert_eq!(invalid_fields(client.posts().delete_post(bad).await), ["etag", "post_id"]);
}
