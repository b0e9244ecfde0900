use postbreeze_ids::Media as MediaOfId;
use postbreeze_proto::{
    status::Reason,
    v1::{CreateApiKeyRequest, KeyPermission},
};

use crate::support::{System, get, invalid_fields, picture, refused, unknown};

#[tokio::test]
async fn get_media_shows_a_medium_to_every_role_and_to_read_only_keys() {
    let system = System::start().await;
    let team = system.team().await;
    let media = picture(&team.editor.session, &team.workspace.id, "a.png").await;
    for member in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        assert_eq!(get(&member.session, &media.id).await.unwrap(), media);
    }
    let request =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, key) = team.reviewer.key(request).await.unwrap();
    assert_eq!(get(&key, &media.id).await.unwrap(), media);
}

#[tokio::test]
async fn get_media_tells_unknown_from_foreign_from_malformed() {
    let system = System::start().await;
    let team = system.team().await;
    let media = picture(&team.owner.session, &team.workspace.id, "a.png").await;
    let stranger = system.sign_up("stranger").await;
    refused(get(&stranger.session, &media.id).await, Reason::WorkspaceOutOfReach);
    refused(get(&team.owner.session, &unknown::<MediaOfId>()).await, Reason::ResourceNotFound);
    assert_eq!(invalid_fields(get(&team.owner.session, &team.workspace.id).await), ["media_id"]);
    let elsewhere = team.owner.session.create_workspace("Elsewhere").await.unwrap().id;
    let (_, scoped) = team.owner.scoped_key(&[&elsewhere]).await.unwrap();
    refused(get(&scoped, &media.id).await, Reason::WorkspaceOutOfReach);
}
