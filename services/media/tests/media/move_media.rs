use postbreeze_ids::{Folder, Media as MediaOfId};
use postbreeze_proto::{
    status::Reason,
    v1::{Media, MoveMediaRequest},
};
use tonic::Status;

use crate::support::{
    Client, System, delete, folder, get, invalid_fields, owner, picture, refused, unknown,
};

async fn put_into(client: &Client, media_id: &str, folder_id: &str) -> Result<Media, Status> {
    let request = MoveMediaRequest {
        media_id: media_id.to_owned(),
        folder_id: folder_id.to_owned(),
        ..Default::default()
    };
    Ok(client.media().move_media(request).await?.into_inner().media.unwrap())
}

#[tokio::test]
async fn move_media_puts_a_medium_into_a_folder_and_back_to_the_top() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let media = picture(&owner.session, &id, "a.png").await;
    let place = folder(&owner.session, &id, "").await.unwrap().id;
    assert_eq!(put_into(&owner.session, &media.id, &place).await.unwrap().folder_id, place);
    assert_eq!(get(&owner.session, &media.id).await.unwrap().folder_id, place);
    assert_eq!(put_into(&owner.session, &media.id, "").await.unwrap().folder_id, "");
}

#[tokio::test]
async fn move_media_refuses_folders_that_are_not_of_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.editor.session;
    let media = picture(client, &team.workspace.id, "a.png").await;
    let other = client.create_workspace("Other").await.unwrap().id;
    let elsewhere = folder(client, &other, "").await.unwrap().id;
    let stranger = system.sign_up("stranger").await;
    let theirs = stranger.session.create_workspace("Globex").await.unwrap().id;
    let foreign = folder(&stranger.session, &theirs, "").await.unwrap().id;
    assert_eq!(invalid_fields(put_into(client, &media.id, &elsewhere).await), ["folder_id"]);
    refused(put_into(client, &media.id, &foreign).await, Reason::WorkspaceOutOfReach);
    refused(put_into(client, &media.id, &unknown::<Folder>()).await, Reason::ResourceNotFound);
    let nobody = put_into(client, &unknown::<MediaOfId>(), "").await;
    refused(nobody, Reason::ResourceNotFound);
    refused(put_into(&stranger.session, &media.id, "").await, Reason::WorkspaceOutOfReach);
    refused(put_into(&team.reviewer.session, &media.id, "").await, Reason::RoleInsufficient);
    delete(client, &media.id).await.unwrap();
    for place in ["", &foreign] {
        refused(put_into(client, &media.id, place).await, Reason::ResourceNotFound);
    }
}
