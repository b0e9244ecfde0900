use chrono::TimeDelta;
use postbreeze_ids::Media as MediaOfId;
use postbreeze_proto::{internal::v1::HoldMediaRequest, status::Reason};

use crate::support::{
    System, delete, hold, invalid_fields, keep, metadata, owner, picture, post, refused, source,
    unknown,
};

#[tokio::test]
async fn a_hold_keeps_media_for_three_days_and_holding_again_renews_it() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let post_id = post(&system, &owner);
    hold(&system, &post_id, 1, &[&media.id]).await.unwrap();
    let status = refused(delete(&owner.session, &media.id).await, Reason::MediaInUse);
    assert_eq!(metadata(&status, "posts"), Some(post_id.clone()));
    assert_eq!(metadata(&status, "count").as_deref(), Some("1"));
    system.clock.turn(TimeDelta::hours(71));
    hold(&system, &post_id, 1, &[&media.id]).await.unwrap();
    system.clock.turn(TimeDelta::hours(71));
    refused(delete(&owner.session, &media.id).await, Reason::MediaInUse);
    system.clock.turn(TimeDelta::hours(1));
    delete(&owner.session, &media.id).await.unwrap();
}

#[tokio::test]
async fn a_hold_names_the_first_medium_that_cannot_be_used_and_holds_none() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let deleted = picture(&owner.session, &id, "b.png").await;
    delete(&owner.session, &deleted.id).await.unwrap();
    let pending = owner.session.presign(&id, "c.png", "image/png", 1).await.unwrap();
    let post_id = post(&system, &owner);
    for gone in [deleted.id, pending.media.unwrap().id, unknown::<MediaOfId>()] {
        let status = refused(
            hold(&system, &post_id, 1, &[&media.id, &gone]).await,
            Reason::ResourceNotFound,
        );
        assert_eq!(metadata(&status, "id"), Some(gone));
    }
    delete(&owner.session, &media.id).await.unwrap();
}

#[tokio::test]
async fn a_hold_that_comes_after_what_the_post_said_of_that_version_holds_nothing() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let post_id = post(&system, &owner);
    keep(&system, &post_id, 3, &[]).await.unwrap();
    for version in 1..=3 {
        hold(&system, &post_id, version, &[&media.id]).await.unwrap();
    }
    delete(&owner.session, &media.id).await.unwrap();
}

#[tokio::test]
async fn hold_media_names_every_bad_field() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let request = HoldMediaRequest {
        post_id: id.clone(),
        post_version: 0,
        media_ids: vec![media.id.clone(), media.id.clone(), "x".to_owned()],
    };
    let answer = source(&system).hold_media(request).await;
    assert_eq!(invalid_fields(answer), ["media_ids[1]", "media_ids[2]", "post_id", "post_version"]);
    let request = HoldMediaRequest {
        post_id: post(&system, &owner),
        post_version: 1,
        media_ids: vec![media.id; 1_001],
    };
    assert_eq!(invalid_fields(source(&system).hold_media(request).await), ["media_ids"]);
}
