//! What the URL of an upload is bound to: what else is sent to it is refused, `CompleteUpload` finds nothing, and in the end
//! nothing is stored and nothing counts.

use bytes::Bytes;
use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{MediaStatus, PresignUploadResponse},
};

use crate::support::{
    Client, PNG, System, all_objects, get, metadata, objects, owner, refused, stored, until_eq, web,
};

const SIZE: i64 = 73;

async fn presign(client: &Client, workspace_id: &str) -> PresignUploadResponse {
    client.presign(workspace_id, "a.png", "image/png", PNG.len()).await.unwrap()
}

fn id_of(upload: &PresignUploadResponse) -> String {
    upload.media.clone().unwrap().id
}

/// Changes the value of a header that a PUT must carry.
fn set(upload: &mut PresignUploadResponse, name: &str, value: &str) {
    value.clone_into(upload.headers.get_mut(name).unwrap());
}

/// Completion finds no bytes of these uploads, whose status is that.
async fn nothing_came(client: &Client, media: &[String], status: &str) {
    for media_id in media {
        let answer = client.complete_upload(media_id).await;
        let refusal = refused(answer, Reason::UploadIncomplete);
        assert_eq!(metadata(&refusal, "status").as_deref(), Some(status));
    }
}

/// Half an hour after these uploads were registered nothing is left of them.
async fn nothing_stays(system: &System, client: &Client, media: &[String]) {
    let newest = async || get(client, media.last().unwrap()).await.unwrap().status();
    until_eq("the last of them lapses", MediaStatus::Rejected, newest).await;
    nothing_came(client, media, "REJECTED").await;
    assert_eq!(stored(system).await, 0);
    assert_eq!(all_objects(system), Vec::<String>::new());
}

#[tokio::test]
async fn a_put_that_is_not_as_it_was_signed_is_refused_and_nothing_of_it_is_stored_or_counts() {
    type Forge = fn(&mut PresignUploadResponse) -> Bytes;
    let forgeries: [(&str, Forge); 5] = [
        ("another signature", |upload| {
            upload.upload_url = web::tampered(&upload.upload_url);
            Bytes::from_static(PNG)
        }),
        ("another type", |upload| {
            set(upload, "content-type", "text/html");
            Bytes::from_static(PNG)
        }),
        ("another object", |upload| {
            let media_id = id_of(upload);
            let other = format!("{media_id}.thumbnail");
            upload.upload_url = upload.upload_url.replace(&media_id, &other);
            Bytes::from_static(PNG)
        }),
        ("a longer body", |upload| {
            set(upload, "content-length", "74");
            [PNG, b"\n"].concat().into()
        }),
        ("a shorter body", |upload| {
            set(upload, "content-length", "72");
            Bytes::from_static(&PNG[..72])
        }),
    ];
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let mut media = Vec::new();
    for (name, forge) in forgeries {
        let mut upload = presign(client, &id).await;
        let bytes = forge(&mut upload);
        assert_eq!(web::put(&upload, bytes).await, 403, "{name}");
        media.push(id_of(&upload));
    }
    assert_eq!(all_objects(&system), Vec::<String>::new());
    nothing_came(client, &media, "PENDING_UPLOAD").await;
    assert_eq!(stored(&system).await, 5 * SIZE);
    system.clock.turn(TimeDelta::minutes(30));
    nothing_stays(&system, client, &media).await;
}

#[tokio::test]
async fn a_put_by_a_url_that_has_expired_is_refused_and_nothing_of_it_is_stored_or_counts() {
    let system = System::start().await;
    // The store's clock cannot be turned everywhere: the URL is one of a while ago.
    let late = TimeDelta::minutes(15) + TimeDelta::seconds(1);
    system.clock.turn(-late);
    let (owner, id) = owner(&system).await;
    let upload = presign(&owner.session, &id).await;
    system.clock.turn(late);
    assert_eq!(web::put(&upload, PNG).await, 403);
    assert_eq!(all_objects(&system), Vec::<String>::new());
    let media = [id_of(&upload)];
    nothing_came(&owner.session, &media, "PENDING_UPLOAD").await;
    assert_eq!(stored(&system).await, SIZE);
    system.clock.turn(TimeDelta::minutes(15));
    nothing_stays(&system, &owner.session, &media).await;
}

#[tokio::test]
async fn a_second_put_is_refused_before_and_after_completion_and_the_first_one_counts() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let upload = presign(client, &id).await;
    let media_id = id_of(&upload);
    let mut without = upload.clone();
    without.headers.remove("if-none-match");
    let mut other = PNG.to_vec();
    other[40] ^= 1;
    assert_eq!(web::put(&upload, PNG).await, 200);
    assert_eq!(web::put(&upload, other.clone()).await, 412);
    // Nor without the header that says so.
    assert!([403, 412].contains(&web::put(&without, other.clone()).await));
    let media = client.complete_upload(&media_id).await.unwrap();
    assert_eq!(media.status(), MediaStatus::Ready);
    assert_eq!(web::put(&upload, other.clone()).await, 412);
    assert!([403, 412].contains(&web::put(&without, other).await));
    assert_eq!(client.complete_upload(&media_id).await.unwrap(), media);
    assert_eq!(web::get(&media.download_url).await, (200, Bytes::from_static(PNG)));
    assert_eq!((objects(&system, &media_id).len(), stored(&system).await), (2, SIZE));
}
