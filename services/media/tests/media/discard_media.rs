use postbreeze_proto::{
    internal::v1::{DiscardMediaRequest, media_source_service_client::MediaSourceServiceClient},
    status::Reason,
};
use postbreeze_runtime::BoxService;
use tonic::Status;

use crate::support::{
    System, get, hold, invalid_fields, objects, owner, picture, post, refused, source, source_for,
    stored, unknown,
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
    let asked = source_for(&system, &owner);
    refused(discard(asked, &[&a]).await, Reason::SourceUnreachable);
    get(&owner.session, &a).await.unwrap();
}
