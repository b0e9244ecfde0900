use bytes::Bytes;
use chrono::TimeDelta;
use postbreeze_proto::{internal::v1::ShareMediaRequest, time::to_proto};

use crate::support::{PNG, System, Web, delete, from, get, ingest, owner, picture, source, web};

#[tokio::test]
async fn share_media_gives_urls_of_ready_media_alone_that_work_for_a_while() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let ready = picture(&owner.session, &id, "a.png").await;
    let deleted = picture(&owner.session, &id, "b.png").await;
    delete(&owner.session, &deleted.id).await.unwrap();
    let pending = owner.session.presign(&id, "c.png", "image/png", 1).await.unwrap();
    let media_ids = vec![pending.media.unwrap().id, deleted.id, ready.id.clone()];
    let request = ShareMediaRequest { media_ids };
    let answer = source(&system).share_media(request.clone()).await.unwrap();
    let shared = answer.into_inner().media;
    assert_eq!(shared.len(), 1);
    assert_eq!(shared[0].summary.as_ref().unwrap().media_id, ready.id);
    let expires = to_proto(system.clock.now() + TimeDelta::minutes(15));
    assert_eq!(shared[0].expire_time, Some(expires));
    assert_eq!(web::get(&shared[0].url).await, (200, Bytes::from_static(PNG)));
    // The store's clock cannot be turned everywhere: this URL is of a while ago.
    system.clock.turn(TimeDelta::minutes(-16));
    let old = source(&system).share_media(request).await.unwrap().into_inner().media;
    system.clock.turn(TimeDelta::minutes(16));
    assert_eq!(web::get(&old[0].url).await.0, 403);
}

/// Clients and services reach the bytes of a directory, or of an S3 server, at different addresses.
#[tokio::test]
async fn share_media_gives_services_the_address_inside_and_networks_the_one_outside() {
    let outside = "http://files.example.com";
    let settings = [
        ("POSTBREEZE_EGRESS_ALLOW", "127.0.0.1/32"),
        ("POSTBREEZE_MEDIA_PUBLIC_URL", outside),
        ("POSTBREEZE_MEDIA_PUBLIC_ENDPOINT", outside),
    ];
    let system = System::start_with(&settings).await;
    let (owner, id) = owner(&system).await;
    let web = Web::start().await;
    let url = web.page("/a.png", web::Page::Bytes("image/png", Bytes::from_static(PNG)));
    let media = ingest(&owner.session, from(&id, &url)).await.unwrap();
    let request = ShareMediaRequest { media_ids: vec![media.id.clone()] };
    let shared = source(&system).share_media(request).await.unwrap().into_inner().media;
    assert!(shared[0].url.starts_with(outside), "{}", shared[0].url);
    assert_eq!(web::get(&shared[0].internal_url).await, (200, Bytes::from_static(PNG)));
    let told = get(&owner.session, &media.id).await.unwrap();
    assert!(told.download_url.starts_with(outside), "{}", told.download_url);
}
