use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_ids::Folder;
use postbreeze_proto::{
    status::Reason,
    time::to_proto,
    v1::{
        CreateApiKeyRequest, KeyPermission, MediaKind, MediaStatus, PresignUploadRequest,
        PresignUploadResponse,
    },
};
use tonic::Status;

use crate::support::{
    Client, PNG, System, folder, get, invalid_fields, objects, owner, refused, rows, stored,
    unknown, violated_fields, web,
};

fn upload_of(workspace_id: &str) -> PresignUploadRequest {
    PresignUploadRequest {
        workspace_id: workspace_id.to_owned(),
        filename: "été \"1\".png".to_owned(),
        content_type: "image/png".to_owned(),
        size_bytes: i64::try_from(PNG.len()).unwrap(),
        ..Default::default()
    }
}

async fn presign(
    client: &Client,
    request: PresignUploadRequest,
) -> Result<PresignUploadResponse, Status> {
    Ok(client.media().presign_upload(request).await?.into_inner())
}

#[tokio::test]
async fn presign_upload_registers_a_medium_and_gives_a_url_for_its_bytes() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let inside = folder(&owner.session, &id, "").await.unwrap();
    let request = PresignUploadRequest { folder_id: inside.id.clone(), ..upload_of(&id) };
    let answer = presign(&owner.session, request).await.unwrap();
    let media = answer.media.clone().unwrap();
    assert_eq!(media.workspace_id, id);
    assert_eq!(media.folder_id, inside.id);
    assert_eq!(media.filename, "été \"1\".png");
    assert_eq!((media.status(), media.kind()), (MediaStatus::PendingUpload, MediaKind::Image));
    assert_eq!((media.content_type.as_str(), media.size_bytes), ("image/png", 73));
    assert_eq!((media.download_url.as_str(), media.thumbnail_url.as_str()), ("", ""));
    assert_eq!(media.download_expire_time, None);
    let expires = to_proto(system.clock.now() + TimeDelta::minutes(15));
    assert_eq!(answer.expire_time, Some(expires));
    assert_eq!(get(&owner.session, &media.id).await.unwrap(), media);
    assert_eq!(stored(&system).await, 73);
    assert_eq!(web::put(&answer, PNG).await, 200);
    assert_eq!(objects(&system, &media.id).len(), 1);
}

#[tokio::test]
async fn presign_upload_names_every_bad_field_at_once_and_registers_nothing() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let bad = PresignUploadRequest {
        workspace_id: owner.id().to_owned(),
        filename: "a/b".to_owned(),
        content_type: "text/html".to_owned(),
        size_bytes: 0,
        folder_id: id.clone(),
        request_id: "x".repeat(65),
    };
    let status = refused(presign(&owner.session, bad).await, Reason::FieldInvalid);
    assert_eq!(
        violated_fields(&status),
        ["content_type", "filename", "folder_id", "request_id", "size_bytes", "workspace_id"]
    );
    for filename in ["", "\0", "a\u{202e}gpj.exe", "..\\a", "a\nb", "\u{7f}", &"a".repeat(256)] {
        let request = PresignUploadRequest { filename: filename.to_owned(), ..upload_of(&id) };
        assert_eq!(invalid_fields(presign(&owner.session, request).await), ["filename"]);
    }
    for size_bytes in [i64::MIN, -1, 0, 5 * 1_024 * 1_024 * 1_024 + 1, i64::MAX] {
        let request = PresignUploadRequest { size_bytes, ..upload_of(&id) };
        assert_eq!(invalid_fields(presign(&owner.session, request).await), ["size_bytes"]);
    }
    for content_type in ["", "image/svg+xml", "application/octet-stream", "image/*", "png"] {
        let content_type = content_type.to_owned();
        let request = PresignUploadRequest { content_type, ..upload_of(&id) };
        let answer = presign(&owner.session, request).await;
        let status = refused(answer, Reason::MediaTypeUnsupported);
        assert_eq!(violated_fields(&status), ["content_type"]);
    }
    assert_eq!((rows(&system).await, stored(&system).await), (0, 0));
}

#[tokio::test]
async fn types_are_taken_in_upper_and_lower_case_alike() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let request = PresignUploadRequest {
        filename: "IMG_0001.MP4".to_owned(),
        content_type: "VIDEO/MP4".to_owned(),
        ..upload_of(&id)
    };
    let media = presign(&owner.session, request).await.unwrap().media.unwrap();
    assert_eq!((media.content_type.as_str(), media.kind()), ("video/mp4", MediaKind::Video));
}

#[tokio::test]
async fn a_folder_must_be_there_within_reach_and_of_the_workspace() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let stranger = system.sign_up("stranger").await;
    let theirs = stranger.session.create_workspace("Globex").await.unwrap().id;
    let other = owner.session.create_workspace("Other").await.unwrap().id;
    let foreign = folder(&stranger.session, &theirs, "").await.unwrap().id;
    let elsewhere = folder(&owner.session, &other, "").await.unwrap().id;
    let into = |folder_id: &str| PresignUploadRequest {
        folder_id: folder_id.to_owned(),
        ..upload_of(&id)
    };
    let unknown = presign(&owner.session, into(&unknown::<Folder>())).await;
    refused(unknown, Reason::ResourceNotFound);
    let foreign = presign(&owner.session, into(&foreign)).await;
    refused(foreign, Reason::WorkspaceOutOfReach);
    let elsewhere = presign(&owner.session, into(&elsewhere)).await;
    assert_eq!(invalid_fields(elsewhere), ["folder_id"]);
    assert_eq!((rows(&system).await, stored(&system).await), (0, 0));
}

#[tokio::test]
async fn only_writers_register_uploads_and_only_where_they_are_members() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    for writer in [&team.owner, &team.admin, &team.editor] {
        presign(&writer.session, upload_of(id)).await.unwrap();
    }
    let answer = presign(&team.reviewer.session, upload_of(id)).await;
    refused(answer, Reason::RoleInsufficient);
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, key) = team.editor.key(read_only).await.unwrap();
    refused(presign(&key, upload_of(id)).await, Reason::KeyReadOnly);
    let stranger = system.sign_up("stranger").await;
    refused(presign(&stranger.session, upload_of(id)).await, Reason::WorkspaceOutOfReach);
    assert_eq!(rows(&system).await, 3);
}

#[tokio::test]
async fn a_repeated_request_is_answered_alike_and_its_url_is_kept_nowhere() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let request = PresignUploadRequest { request_id: "once".to_owned(), ..upload_of(&id) };
    let first = presign(&owner.session, request.clone()).await.unwrap();
    assert_eq!(presign(&owner.session, request.clone()).await.unwrap(), first);
    assert_eq!((rows(&system).await, stored(&system).await), (1, 73));
    let with_url: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM idempotency WHERE position('http://'::BYTEA IN response) > 0",
    )
    .fetch_one(system.pool("media"))
    .await
    .unwrap();
    assert_eq!(with_url, 0);
    let other = PresignUploadRequest { size_bytes: 1, ..request.clone() };
    refused(presign(&owner.session, other).await, Reason::RequestIdReused);
    system.clock.turn(TimeDelta::minutes(16));
    let late = presign(&owner.session, request).await.unwrap();
    assert_eq!((late.media, late.expire_time), (first.media, first.expire_time));
    assert_eq!((late.upload_url.as_str(), late.headers.len()), ("", 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_at_once_one_registers_an_upload_and_all_are_told_of_it() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let request = PresignUploadRequest { request_id: "once".to_owned(), ..upload_of(&id) };
    let answers = join_all((0..8).map(|_| presign(&owner.session, request.clone()))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!((rows(&system).await, stored(&system).await), (1, 73));
}
