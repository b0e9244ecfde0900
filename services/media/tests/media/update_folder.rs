use futures_util::future::join;
use postbreeze_ids::Folder as FolderOfId;
use postbreeze_proto::{
    status::Reason,
    v1::{Folder, ListFoldersRequest, UpdateFolderRequest},
};
use prost_types::FieldMask;
use tonic::Status;

use crate::support::{Client, System, folder, invalid_fields, owner, refused, unknown};

async fn update(client: &Client, request: UpdateFolderRequest) -> Result<Folder, Status> {
    Ok(client.media().update_folder(request).await?.into_inner().folder.unwrap())
}

fn of(folder_id: &str) -> UpdateFolderRequest {
    UpdateFolderRequest { folder_id: folder_id.to_owned(), ..Default::default() }
}

/// Moves a folder under another.
async fn put_under(client: &Client, folder_id: &str, parent: &str) -> Result<Folder, Status> {
    update(client, UpdateFolderRequest { parent_folder_id: parent.to_owned(), ..of(folder_id) })
        .await
}

#[tokio::test]
async fn update_folder_renames_and_moves_and_with_a_mask_moves_to_the_top() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let outer = folder(&owner.session, &id, "").await.unwrap().id;
    let inner = folder(&owner.session, &id, "").await.unwrap().id;
    let request = UpdateFolderRequest {
        name: "Inner".to_owned(),
        parent_folder_id: outer.clone(),
        ..of(&inner)
    };
    let changed = update(&owner.session, request).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.parent_folder_id), ("Inner", &outer));
    // Without a mask an empty parent is one that is not set.
    let request = UpdateFolderRequest { name: "Other".to_owned(), ..of(&inner) };
    let changed = update(&owner.session, request).await.unwrap();
    assert_eq!((changed.name.as_str(), &changed.parent_folder_id), ("Other", &outer));
    let update_mask = Some(FieldMask { paths: vec!["parent_folder_id".to_owned()] });
    let request = UpdateFolderRequest { update_mask, ..of(&inner) };
    let changed = update(&owner.session, request).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.parent_folder_id.as_str()), ("Other", ""));
}

#[tokio::test]
async fn a_folder_becomes_neither_its_own_ancestor_nor_too_deep() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    let mut chain = vec![folder(client, &id, "").await.unwrap().id];
    for level in 0..9 {
        chain.push(folder(client, &id, &chain[level]).await.unwrap().id);
    }
    for below in &chain {
        let answer = put_under(client, &chain[0], below).await;
        assert_eq!(invalid_fields(answer), ["parent_folder_id"]);
    }
    // Ten levels under eleven are too many, under ten they are not.
    let mut place = String::new();
    for level in 1..=11 {
        place = folder(client, &id, &place).await.unwrap().id;
        if level == 10 {
            put_under(client, &chain[0], &place).await.unwrap();
        }
    }
    let answer = put_under(client, &chain[0], &place).await;
    assert_eq!(invalid_fields(answer), ["parent_folder_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_moves_at_once_never_make_a_ring() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let client = &owner.session;
    for _ in 0..15 {
        let a = folder(client, &id, "").await.unwrap().id;
        let b = folder(client, &id, "").await.unwrap().id;
        let (one, other) = join(put_under(client, &a, &b), put_under(client, &b, &a)).await;
        assert_eq!(usize::from(one.is_ok()) + usize::from(other.is_ok()), 1);
    }
    let request = ListFoldersRequest {
        workspace_id: id,
        parent_folder_id: Some(String::new()),
        ..Default::default()
    };
    let top = client.media().list_folders(request).await.unwrap().into_inner().folders;
    assert_eq!(top.len(), 15);
}

#[tokio::test]
async fn update_folder_names_every_bad_field_and_refuses_what_is_not_its_own() {
    let system = System::start().await;
    let team = system.team().await;
    let (client, id) = (&team.editor.session, &team.workspace.id);
    let own = folder(client, id, "").await.unwrap().id;
    let bad = UpdateFolderRequest {
        folder_id: id.clone(),
        name: "x".repeat(121),
        parent_folder_id: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update(client, bad).await),
        ["folder_id", "name", "parent_folder_id"]
    );
    let unseen = UpdateFolderRequest { name: "a\u{202e}b".to_owned(), ..of(&own) };
    assert_eq!(invalid_fields(update(client, unseen).await), ["name"]);
    assert_eq!(invalid_fields(update(client, of(&own)).await), ["update_mask"]);
    let other = client.create_workspace("Other").await.unwrap().id;
    let elsewhere = folder(client, &other, "").await.unwrap().id;
    let stranger = system.sign_up("stranger").await;
    let theirs = stranger.session.create_workspace("Globex").await.unwrap().id;
    let foreign = folder(&stranger.session, &theirs, "").await.unwrap().id;
    assert_eq!(invalid_fields(put_under(client, &own, &elsewhere).await), ["parent_folder_id"]);
    refused(put_under(client, &own, &foreign).await, Reason::WorkspaceOutOfReach);
    refused(put_under(client, &foreign, &own).await, Reason::WorkspaceOutOfReach);
    let nobody = unknown::<FolderOfId>();
    refused(put_under(client, &own, &nobody).await, Reason::ResourceNotFound);
    refused(put_under(client, &nobody, &own).await, Reason::ResourceNotFound);
    let request = UpdateFolderRequest { name: "Mine".to_owned(), ..of(&own) };
    refused(update(&team.reviewer.session, request).await, Reason::RoleInsufficient);
}
