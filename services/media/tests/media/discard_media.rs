use postbreeze_context::Caller;
use postbreeze_context::token::{Audience, CONTEXT, EDGE, Issuer};
use postbreeze_proto::{
    internal::v1::{DiscardMediaRequest, media_source_service_client::MediaSourceServiceClient},
    status::Reason,
};
use postbreeze_runtime::BoxService;
use tonic::Status;
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::support::{
    System, get, hold, invalid_fields, objects, owner, picture, post, refused, source, stored,
    unknown,
};

async fn discard(
    mut source: MediaSourceServiceClient<BoxService>,
    media: &[&str],
) -> Result<(), Status> {
    let media_ids = media.iter().map(|id| (*id).to_owned()).collect();
    source.discard_media(DiscardMediaRequest { media_ids }).await.map(drop)
}

#[tokio::test]
async fn discard_media_deletes_what_no_post_uses() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let b = picture(&owner.session, &id, "b.png").await.id;
    hold(&system, &post(&system, &owner), 1, &[&b]).await.unwrap();
    let never = unknown::<postbreeze_ids::Media>();
    for _ in 0..2 {
        discard(source(&system), &[&a, &b, &never]).await.unwrap();
    }
    refused(get(&owner.session, &a).await, Reason::ResourceNotFound);
    get(&owner.session, &b).await.unwrap();
    assert_eq!(stored(&system).await, 73);
    crate::support::until_that("its bytes go", async || objects(&system, &a), Vec::is_empty).await;
    assert!(!objects(&system, &b).is_empty());
    assert_eq!(invalid_fields(discard(source(&system), &["x"]).await), ["media_ids[0]"]);
}

/// Nothing is checked of a user there, so that no call of a user's may get there.
#[tokio::test]
async fn discard_media_is_for_services_alone() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let a = picture(&owner.session, &id, "a.png").await.id;
    let signing = system.keys.signing(EDGE).unwrap();
    let issuer = Issuer::new(EDGE, signing, system.clock.clock()).unwrap();
    let session_id = Uuid::from_u128(7);
    let caller = Caller::Session { user_id: owner.id().parse().unwrap(), session_id };
    let token = issuer.token(&caller, Audience::internal(&["media"])).unwrap();
    let media = system.services.owners.media.clone();
    let service = media.map_request(move |mut request: http::Request<tonic::body::Body>| {
        request.headers_mut().insert(CONTEXT, token.clone());
        request
    });
    let asked = MediaSourceServiceClient::new(BoxService::new(service));
    refused(discard(asked, &[&a]).await, Reason::SessionRequired);
    get(&owner.session, &a).await.unwrap();
}
