use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join;
use postbreeze_ids::Media as MediaOfId;
use postbreeze_proto::status::Reason;

use crate::support::{
    PNG, System, delete, get, hold, keep, metadata, objects, owner, picture, post, refused, rows,
    stored, unknown, until_eq, until_that, web,
};

#[tokio::test]
async fn delete_media_gives_the_storage_back_and_then_deletes_the_bytes() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let kept = picture(&owner.session, &id, "b.png").await;
    assert_eq!((objects(&system, &media.id).len(), stored(&system).await), (2, 146));
    delete(&owner.session, &media.id).await.unwrap();
    assert_eq!(stored(&system).await, 73);
    refused(get(&owner.session, &media.id).await, Reason::ResourceNotFound);
    refused(delete(&owner.session, &media.id).await, Reason::ResourceNotFound);
    until_that("the bytes go", async || objects(&system, &media.id), Vec::is_empty).await;
    assert_ne!(web::get(&media.download_url).await.0, 200);
    assert_eq!(web::get(&kept.download_url).await, (200, Bytes::from_static(PNG)));
    // While its URL works, bytes can come back: the row stays until they have gone again.
    assert_eq!(rows(&system).await, 2);
    system.clock.turn(TimeDelta::minutes(32));
    until_eq("the row goes", 1, async || rows(&system).await).await;
}

#[tokio::test]
async fn bytes_that_come_by_a_url_that_outlived_its_medium_go_too() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let upload = owner.session.presign(&id, "a.png", "image/png", PNG.len()).await.unwrap();
    let media_id = upload.media.clone().unwrap().id;
    delete(&owner.session, &media_id).await.unwrap();
    assert_eq!(stored(&system).await, 0);
    let purge = async || {
        let next = sqlx::query_scalar::<_, DateTime<Utc>>("SELECT purge_time FROM media");
        next.fetch_one(system.pool("media")).await.unwrap()
    };
    let now = system.clock.now();
    until_that("the bytes are deleted once", purge, |next| *next > now).await;
    assert_eq!(web::put(&upload, PNG).await, 200);
    assert_eq!(objects(&system, &media_id).len(), 1);
    refused(owner.session.complete_upload(&media_id).await, Reason::ResourceNotFound);
    system.clock.turn(TimeDelta::minutes(32));
    until_eq("the row goes", 0, async || rows(&system).await).await;
    assert_eq!(objects(&system, &media_id).len(), 0);
    assert_eq!(stored(&system).await, 0);
}

#[tokio::test]
async fn a_medium_that_posts_use_is_not_deleted_and_the_refusal_names_them() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let posts: Vec<String> = (0..25).map(|_| post(&system, &owner)).collect();
    for post_id in &posts {
        keep(&system, post_id, 1, &[&media.id]).await.unwrap();
    }
    let status = refused(delete(&owner.session, &media.id).await, Reason::MediaInUse);
    assert_eq!(metadata(&status, "count").as_deref(), Some("25"));
    let named = metadata(&status, "posts").unwrap();
    let newest: Vec<&str> = posts.iter().rev().take(20).map(String::as_str).collect();
    assert_eq!(named.split(',').collect::<Vec<_>>(), newest);
    assert_eq!((objects(&system, &media.id).len(), stored(&system).await), (2, 73));
    for post_id in &posts {
        keep(&system, post_id, 2, &[]).await.unwrap();
    }
    delete(&owner.session, &media.id).await.unwrap();
}

#[tokio::test]
async fn only_writers_delete_and_only_their_own() {
    let system = System::start().await;
    let team = system.team().await;
    let media = picture(&team.editor.session, &team.workspace.id, "a.png").await;
    refused(delete(&team.reviewer.session, &media.id).await, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    refused(delete(&stranger.session, &media.id).await, Reason::WorkspaceOutOfReach);
    let nobody = delete(&team.owner.session, &unknown::<MediaOfId>()).await;
    refused(nobody, Reason::ResourceNotFound);
    assert_eq!(get(&team.owner.session, &media.id).await.unwrap(), media);
    delete(&team.editor.session, &media.id).await.unwrap();
    // Who may not reach it is told so, deleted or not.
    refused(get(&stranger.session, &media.id).await, Reason::WorkspaceOutOfReach);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_deletion_and_a_hold_at_once_one_is_refused() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    for _ in 0..20 {
        let media = picture(&owner.session, &id, "a.png").await;
        let post_id = post(&system, &owner);
        let (deleted, held) =
            join(delete(&owner.session, &media.id), hold(&system, &post_id, 1, &[&media.id])).await;
        match (deleted, held) {
            (Ok(()), held) => {
                refused(held, Reason::ResourceNotFound);
            }
            (deleted, Ok(())) => {
                refused(deleted, Reason::MediaInUse);
            }
            (deleted, held) => panic!("{deleted:?} {held:?}"),
        }
    }
}
