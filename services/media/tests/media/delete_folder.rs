use futures_util::future::join_all;
use postbreeze_ids::Folder as FolderOfId;
use postbreeze_proto::{
    status::Reason,
    v1::{DeleteFolderRequest, ListFoldersRequest, MoveMediaRequest},
};
use tonic::Status;

use crate::support::{
    Client, System, delete, folder, get, invalid_fields, owner, picture, refused, unknown,
};

async fn delete_folder(client: &Client, folder_id: &str, force: bool) -> Result<(), Status> {
    let request =
        DeleteFolderRequest { folder_id: folder_id.to_owned(), force, ..Default::default() };
    client.media().delete_folder(request).await.map(drop)
}

async fn put_into(client: &Client, media_id: &str, folder_id: &str) -> Result<(), Status> {
    let request = MoveMediaRequest {
        media_id: media_id.to_owned(),
        folder_id: folder_id.to_owned(),
        ..Default::default()
    };
    client.media().move_media(request).await.map(drop)
}

#[tokio::test]
async fn delete_folder_deletes_an_empty_one_and_another_only_by_force() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let outer = folder(client, &id, "").await.unwrap().id;
    let middle = folder(client, &id, &outer).await.unwrap().id;
    let inner = folder(client, &id, &middle).await.unwrap().id;
    let media = picture(client, &id, "a.png").await;
    put_into(client, &media.id, &middle).await.unwrap();
    for full in [&outer, &middle] {
        assert_eq!(invalid_fields(delete_folder(client, full, false).await), ["force"]);
    }
    assert_eq!(get(client, &media.id).await.unwrap().folder_id, middle);
    delete_folder(client, &middle, true).await.unwrap();
    assert_eq!(get(client, &media.id).await.unwrap().folder_id, "");
    let request = ListFoldersRequest {
        workspace_id: id,
        parent_folder_id: Some(String::new()),
        ..Default::default()
    };
    let top = client.media().list_folders(request).await.unwrap().into_inner().folders;
    assert_eq!(top.iter().map(|row| &row.id).collect::<Vec<_>>(), [&inner, &outer]);
    delete_folder(client, &outer, false).await.unwrap();
    refused(delete_folder(client, &outer, false).await, Reason::ResourceNotFound);
    refused(put_into(client, &media.id, &outer).await, Reason::ResourceNotFound);
}

#[tokio::test]
async fn a_folder_whose_media_are_deleted_is_empty() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let place = folder(&owner.session, &id, "").await.unwrap().id;
    let media = picture(&owner.session, &id, "a.png").await;
    put_into(&owner.session, &media.id, &place).await.unwrap();
    delete(&owner.session, &media.id).await.unwrap();
    delete_folder(&owner.session, &place, false).await.unwrap();
}

#[tokio::test]
async fn a_folder_with_more_than_one_transaction_moves_goes_whole() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let place = folder(&owner.session, &id, "").await.unwrap();
    sqlx::query(
        "INSERT INTO media (
            bucket, id, workspace_id, folder_id, filename, filename_folded, kind, status, content_type, size_bytes,
            alt_text, has_thumbnail, charged_owner_user_id, charged_bytes, create_time, update_time
        )
        SELECT bucket, gen_random_uuid(), workspace_id, id, 'a', 'a', 1, 'ready', 'image/png', 1, '', FALSE,
            gen_random_uuid(), 0, create_time, create_time
        FROM folders, generate_series(1, 2500)",
    )
    .execute(system.pool("media"))
    .await
    .unwrap();
    delete_folder(&owner.session, &place.id, true).await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM media WHERE folder_id IS NULL")
        .fetch_one(system.pool("media"))
        .await
        .unwrap();
    assert_eq!(left, 2_500);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_put_into_a_folder_while_it_is_deleted_is_at_the_top_or_refused() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let mut media = Vec::new();
    for _ in 0..6 {
        media.push(picture(client, &id, "a.png").await.id);
    }
    for _ in 0..8 {
        let place = folder(client, &id, "").await.unwrap().id;
        let moves = media.iter().map(|media_id| put_into(client, media_id, &place));
        let deletion = async { delete_folder(client, &place, true).await };
        let (moved, deleted) = tokio::join!(join_all(moves), deletion);
        deleted.unwrap();
        for answer in moved {
            if answer.is_err() {
                refused(answer, Reason::ResourceNotFound);
            }
        }
        for media_id in &media {
            assert_eq!(get(client, media_id).await.unwrap().folder_id, "");
        }
    }
}

#[tokio::test]
async fn only_writers_delete_folders_and_only_their_own() {
    let system = System::start().await;
    let team = system.team().await;
    let place = folder(&team.editor.session, &team.workspace.id, "").await.unwrap().id;
    refused(delete_folder(&team.reviewer.session, &place, true).await, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    refused(delete_folder(&stranger.session, &place, true).await, Reason::WorkspaceOutOfReach);
    let nobody = delete_folder(&team.owner.session, &unknown::<FolderOfId>(), true).await;
    refused(nobody, Reason::ResourceNotFound);
    let malformed = delete_folder(&team.owner.session, &team.workspace.id, true).await;
    assert_eq!(invalid_fields(malformed), ["folder_id"]);
}
