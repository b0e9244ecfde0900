//! What ends by itself when nobody does anything.

use chrono::TimeDelta;
use postbreeze_proto::{status::Reason, v1::MediaStatus};

use crate::support::{
    PNG, System, delete, get, objects, owner, picture, refused, rows, stored, until_eq, until_that,
    web,
};

#[tokio::test]
async fn an_upload_that_nobody_completes_is_rejected_after_half_an_hour_and_goes_after_a_day() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let upload = client.presign(&id, "a.png", "image/png", PNG.len()).await.unwrap();
    let media_id = upload.media.clone().unwrap().id;
    assert_eq!(web::put(&upload, PNG).await, 200);
    let kept = picture(client, &id, "b.png").await;
    system.clock.turn(TimeDelta::minutes(29));
    // Nothing is due: the next look, which deletes these bytes, leaves the rest alone.
    let deleted = picture(client, &id, "c.png").await;
    delete(client, &deleted.id).await.unwrap();
    until_that("there was a look", async || objects(&system, &deleted.id), Vec::is_empty).await;
    assert_eq!(get(client, &media_id).await.unwrap().status(), MediaStatus::PendingUpload);
    assert_eq!(stored(&system).await, 2 * 73);
    system.clock.turn(TimeDelta::minutes(1));
    let status = async || get(client, &media_id).await.unwrap().status();
    until_eq("the upload is rejected", MediaStatus::Rejected, status).await;
    assert_eq!(stored(&system).await, 73);
    until_that("the bytes go", async || objects(&system, &media_id), Vec::is_empty).await;
    refused(client.complete_upload(&media_id).await, Reason::UploadIncomplete);
    system.clock.turn(TimeDelta::hours(24));
    until_eq("the rows go", 1, async || rows(&system).await).await;
    refused(get(client, &media_id).await, Reason::ResourceNotFound);
    let ready = get(client, &kept.id).await.unwrap();
    assert_eq!(ready.status(), MediaStatus::Ready);
    assert_eq!(web::get(&ready.download_url).await.0, 200);
    assert_eq!(stored(&system).await, 73);
}

#[tokio::test]
async fn an_ingestion_whose_process_died_leaves_nothing() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    // As it is when the process dies after the bytes were written, and before anybody was charged.
    sqlx::query(
        "UPDATE media
        SET status = 'ingesting', charged_bytes = 0, upload_expire_time = NULL, lapse_time = $1",
    )
    .bind(system.clock.now() + TimeDelta::minutes(10))
    .execute(system.pool("media"))
    .await
    .unwrap();
    sqlx::query("UPDATE media_usage SET bytes = 0").execute(system.pool("media")).await.unwrap();
    refused(get(&owner.session, &media.id).await, Reason::ResourceNotFound);
    refused(delete(&owner.session, &media.id).await, Reason::ResourceNotFound);
    assert_eq!(objects(&system, &media.id).len(), 2);
    system.clock.turn(TimeDelta::minutes(10));
    until_eq("the row goes", 0, async || rows(&system).await).await;
    assert_eq!(objects(&system, &media.id).len(), 0);
    assert_eq!(stored(&system).await, 0);
}

#[tokio::test]
async fn a_large_upload_is_awaited_for_longer() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    // Half an hour at 64 KiB a second.
    let size = 30 * 60 * 64 * 1_024;
    let upload = client.presign(&id, "a.mp4", "video/mp4", size).await.unwrap();
    let media_id = upload.media.unwrap().id;
    system.clock.turn(TimeDelta::minutes(59));
    // What is due ends: the next look leaves the rest alone.
    let small = client.presign(&id, "b.mp4", "video/mp4", 1).await.unwrap().media.unwrap().id;
    let lapse = "UPDATE media SET lapse_time = create_time WHERE size_bytes = 1";
    sqlx::query(lapse).execute(system.pool("media")).await.unwrap();
    let status = async |id: &str| get(client, id).await.unwrap().status();
    until_eq("there was a look", MediaStatus::Rejected, async || status(&small).await).await;
    assert_eq!(status(&media_id).await, MediaStatus::PendingUpload);
    system.clock.turn(TimeDelta::minutes(1));
    until_eq("it is rejected", MediaStatus::Rejected, async || status(&media_id).await).await;
}

#[tokio::test]
async fn media_end_although_the_object_store_does_not_answer() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", silent.local_addr().unwrap());
    let system = System::start_with(&[
        ("POSTBREEZE_MEDIA_STORE", "s3://media"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_ENDPOINT_URL", &endpoint),
    ])
    .await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let upload = async || client.presign(&id, "a.png", "image/png", 1).await.unwrap();
    // More than can be tried to be deleted within the time that is waited for below.
    for _ in 0..60 {
        delete(client, &upload().await.media.unwrap().id).await.unwrap();
    }
    let media_id = upload().await.media.unwrap().id;
    system.clock.turn(TimeDelta::minutes(30));
    let status = async || get(client, &media_id).await.unwrap().status();
    until_eq("the upload is rejected", MediaStatus::Rejected, status).await;
}
