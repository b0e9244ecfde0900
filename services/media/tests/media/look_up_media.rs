use postbreeze_ids::Media as MediaOfId;
use postbreeze_proto::{
    internal::v1::LookUpMediaRequest,
    v1::{MediaKind, MediaStatus},
};

use crate::support::{System, delete, invalid_fields, owner, picture, source, unknown};

#[tokio::test]
async fn look_up_media_tells_what_there_is_whoever_asks_and_leaves_the_rest_out() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let ready = picture(&owner.session, &id, "a.png").await;
    let deleted = picture(&owner.session, &id, "b.png").await;
    delete(&owner.session, &deleted.id).await.unwrap();
    let pending = owner.session.presign(&id, "c.mp4", "video/mp4", 1).await.unwrap();
    let pending = pending.media.unwrap();
    let media_ids = vec![ready.id.clone(), deleted.id, pending.id.clone(), unknown::<MediaOfId>()];
    let answer = source(&system).look_up_media(LookUpMediaRequest { media_ids }).await.unwrap();
    let mut found = answer.into_inner().media;
    found.sort_by(|a, b| a.media_id.cmp(&b.media_id));
    assert_eq!(found.len(), 2);
    assert_eq!((&found[0].media_id, &found[0].workspace_id), (&ready.id, &id));
    assert_eq!((found[0].status(), found[0].kind()), (MediaStatus::Ready, MediaKind::Image));
    assert_eq!((found[0].width_px, found[0].height_px), (Some(3), Some(2)));
    assert_eq!((found[0].content_type.as_str(), found[0].size_bytes), ("image/png", 73));
    assert_eq!(found[1].media_id, pending.id);
    assert_eq!(found[1].status(), MediaStatus::PendingUpload);
}

#[tokio::test]
async fn look_up_media_takes_a_thousand_ids_and_no_more() {
    let system = System::start().await;
    let ids = |count: u128| {
        let id = |n| {
            let uuid = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n);
            postbreeze_ids::MediaId::from_uuid(uuid).to_string()
        };
        LookUpMediaRequest { media_ids: (0..count).map(id).collect() }
    };
    let answer = source(&system).look_up_media(ids(1_000)).await.unwrap();
    assert_eq!(answer.into_inner().media.len(), 0);
    assert_eq!(invalid_fields(source(&system).look_up_media(ids(1_001)).await), ["media_ids"]);
}
