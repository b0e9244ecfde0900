use bytes::Bytes;
use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_ids::Media as MediaKindOfId;
use postbreeze_proto::{
    status::Reason,
    time::to_proto,
    v1::{CompleteUploadRequest, Media, MediaKind, MediaStatus},
};
use tonic::Status;

use crate::support::{
    Client, PNG, System, all_objects, get, metadata, objects, owner, picture, refused, stored,
    unknown, until_that, video, violated_fields, web,
};

async fn complete_once(client: &Client, media_id: &str, once: &str) -> Result<Media, Status> {
    let request = CompleteUploadRequest {
        media_id: media_id.to_owned(),
        request_id: once.to_owned(),
        ..Default::default()
    };
    Ok(client.media().complete_upload(request).await?.into_inner().media.unwrap())
}

/// Registers and sends bytes, and answers the medium, which is still pending.
async fn sent(client: &Client, workspace_id: &str, kind: &str, bytes: impl Into<Bytes>) -> Media {
    let bytes = bytes.into();
    let upload = client.presign(workspace_id, "a.jpg", kind, bytes.len()).await.unwrap();
    assert_eq!(web::put(&upload, bytes).await, 200);
    upload.media.unwrap()
}

#[tokio::test]
async fn complete_upload_makes_a_picture_ready_with_its_size_and_a_thumbnail() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    assert_eq!((media.status(), media.kind()), (MediaStatus::Ready, MediaKind::Image));
    assert_eq!((media.width_px, media.height_px), (Some(3), Some(2)));
    assert_eq!((media.content_type.as_str(), media.size_bytes), ("image/png", 73));
    let expires = to_proto(system.clock.now() + TimeDelta::minutes(15));
    assert_eq!(media.download_expire_time, Some(expires));
    assert_eq!(web::get(&media.download_url).await, (200, Bytes::from_static(PNG)));
    let (status, thumbnail) = web::get(&media.thumbnail_url).await;
    assert_eq!((status, &thumbnail[..3]), (200, &b"\xff\xd8\xff"[..]));
    assert_eq!(get(&owner.session, &media.id).await.unwrap(), media);
    assert_eq!(stored(&system).await, 73);
    // The store's clock cannot be turned everywhere: these URLs are of a while ago.
    system.clock.turn(TimeDelta::minutes(-16));
    let old = get(&owner.session, &media.id).await.unwrap();
    system.clock.turn(TimeDelta::minutes(16));
    assert_eq!(web::get(&old.download_url).await.0, 403);
    assert_eq!(web::get(&old.thumbnail_url).await.0, 403);
}

#[tokio::test]
async fn content_decides_whatever_was_announced_and_however_the_file_is_called() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let upload = owner.session.upload(&id, "IMG_0001.MP4", "VIDEO/MP4", video()).await.unwrap();
    assert_eq!((upload.content_type.as_str(), upload.kind()), ("video/mp4", MediaKind::Video));
    assert_eq!((upload.width_px, upload.height_px), (Some(640), Some(360)));
    assert_eq!(upload.duration.map(|d| (d.seconds, d.nanos)), Some((2, 500_000_000)));
    assert_eq!(upload.thumbnail_url, "");
    // Announced as a video, but a picture.
    let media = owner.session.upload(&id, "a.mp4", "video/mp4", PNG).await.unwrap();
    assert_eq!((media.content_type.as_str(), media.kind()), ("image/png", MediaKind::Image));
}

#[tokio::test]
async fn html_that_is_called_a_picture_is_rejected_and_its_bytes_go_and_no_longer_count() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let html = &b"<!doctype html><script>alert(1)</script>"[..];
    let media = sent(&owner.session, &id, "image/jpeg", html).await;
    assert_eq!(objects(&system, &media.id).len(), 1);
    let answer = owner.session.complete_upload(&media.id).await;
    let status = refused(answer, Reason::MediaTypeUnsupported);
    assert_eq!(violated_fields(&status), ["media_id"]);
    let rejected = get(&owner.session, &media.id).await.unwrap();
    assert_eq!(rejected.status(), MediaStatus::Rejected);
    assert_eq!((rejected.download_url.as_str(), rejected.download_expire_time), ("", None));
    assert_eq!(stored(&system).await, 0);
    until_that("the bytes go", async || objects(&system, &media.id), Vec::is_empty).await;
    let again = refused(owner.session.complete_upload(&media.id).await, Reason::UploadIncomplete);
    assert_eq!(metadata(&again, "status").as_deref(), Some("REJECTED"));
}

#[tokio::test]
async fn damaged_bytes_and_too_many_pixels_are_rejected() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let mut huge = PNG.to_vec();
    huge[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    for bytes in [Bytes::from(huge), Bytes::from_static(&PNG[..20])] {
        let media = sent(&owner.session, &id, "image/png", bytes).await;
        let status = refused(owner.session.complete_upload(&media.id).await, Reason::FieldInvalid);
        assert_eq!(violated_fields(&status), ["media_id"]);
        let rejected = get(&owner.session, &media.id).await.unwrap();
        assert_eq!(rejected.status(), MediaStatus::Rejected);
    }
    assert_eq!(stored(&system).await, 0);
}

#[tokio::test]
async fn bytes_of_another_size_than_announced_are_rejected() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = sent(&owner.session, &id, "image/png", PNG).await;
    // As a store would have it that does not bind a PUT to its size.
    sqlx::query("UPDATE media SET size_bytes = 100, charged_bytes = 100")
        .execute(system.pool("media"))
        .await
        .unwrap();
    sqlx::query("UPDATE media_usage SET bytes = 100").execute(system.pool("media")).await.unwrap();
    let status = refused(owner.session.complete_upload(&media.id).await, Reason::FieldInvalid);
    assert_eq!(violated_fields(&status), ["media_id"]);
    assert_eq!(stored(&system).await, 0);
}

#[tokio::test]
async fn without_bytes_an_upload_is_incomplete_and_stays_open() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let upload = owner.session.presign(&id, "a.png", "image/png", PNG.len()).await.unwrap();
    let media_id = upload.media.clone().unwrap().id;
    let status = refused(owner.session.complete_upload(&media_id).await, Reason::UploadIncomplete);
    assert_eq!(metadata(&status, "status").as_deref(), Some("PENDING_UPLOAD"));
    assert_eq!(stored(&system).await, 73);
    assert_eq!(web::put(&upload, PNG).await, 200);
    let media = owner.session.complete_upload(&media_id).await.unwrap();
    assert_eq!(media.status(), MediaStatus::Ready);
}

#[tokio::test]
async fn a_ready_medium_stays_as_it_is_and_no_further_put_changes_it() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let upload = owner.session.presign(&id, "a.png", "image/png", PNG.len()).await.unwrap();
    assert_eq!(web::put(&upload, PNG).await, 200);
    let media_id = upload.media.clone().unwrap().id;
    let media = owner.session.complete_upload(&media_id).await.unwrap();
    assert_eq!(owner.session.complete_upload(&media_id).await.unwrap(), media);
    let mut other = PNG.to_vec();
    other[40] ^= 1;
    web::put(&upload, other).await;
    assert_eq!(web::get(&media.download_url).await, (200, Bytes::from_static(PNG)));
    assert_eq!(stored(&system).await, 73);
}

#[tokio::test]
async fn bytes_that_came_at_the_last_moment_can_still_be_completed() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = sent(&owner.session, &id, "image/png", PNG).await;
    system.clock.turn(TimeDelta::minutes(25));
    let media = owner.session.complete_upload(&media.id).await.unwrap();
    assert_eq!(media.status(), MediaStatus::Ready);
}

#[tokio::test]
async fn a_repeated_completion_is_answered_alike() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = sent(&owner.session, &id, "image/png", PNG).await;
    let first = complete_once(&owner.session, &media.id, "once").await.unwrap();
    assert!(!first.thumbnail_url.is_empty());
    assert_eq!(complete_once(&owner.session, &media.id, "once").await.unwrap(), first);
    let other = sent(&owner.session, &id, "image/png", PNG).await;
    let reused = complete_once(&owner.session, &other.id, "once").await;
    refused(reused, Reason::RequestIdReused);
    // Authority is checked again first.
    let stranger = system.sign_up("stranger").await;
    let foreign = complete_once(&stranger.session, &media.id, "once").await;
    refused(foreign, Reason::WorkspaceOutOfReach);
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_at_once_settle_once() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    for bytes in [PNG, &b"no picture at all"[..]] {
        let media = sent(&owner.session, &id, "image/png", bytes).await;
        let answers = (0..8).map(|n| {
            let once = if n % 2 == 0 { String::new() } else { format!("once{}", n % 3) };
            let (client, media_id) = (&owner.session, &media.id);
            async move { complete_once(client, media_id, &once).await }
        });
        let answers = join_all(answers).await;
        if bytes == PNG {
            assert!(answers.into_iter().all(|answer| answer.is_ok()));
        } else {
            assert!(answers.into_iter().all(|answer| answer.is_err()));
        }
        assert_eq!(stored(&system).await, 73);
    }
}

#[tokio::test]
async fn only_writers_complete_and_only_what_there_is() {
    let system = System::start().await;
    let team = system.team().await;
    let media = sent(&team.editor.session, &team.workspace.id, "image/png", PNG).await;
    let reviewer = team.reviewer.session.complete_upload(&media.id).await;
    refused(reviewer, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    let foreign = stranger.session.complete_upload(&media.id).await;
    refused(foreign, Reason::WorkspaceOutOfReach);
    let unknown = team.owner.session.complete_upload(&unknown::<MediaKindOfId>()).await;
    refused(unknown, Reason::ResourceNotFound);
    team.admin.session.complete_upload(&media.id).await.unwrap();
    assert!(!all_objects(&system).is_empty());
}
