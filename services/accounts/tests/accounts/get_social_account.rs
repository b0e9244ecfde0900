use postbreeze_ids::Account;
use postbreeze_proto::{
    status::Reason,
    v1::{CreateApiKeyRequest, GetSocialAccountRequest, KeyPermission},
};

use crate::support::{System, get, invalid_fields, refused, unknown};

#[tokio::test]
async fn get_social_account_is_open_to_every_role_and_to_keys_that_read() {
    let system = System::start().await;
    let team = system.team().await;
    for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        assert_eq!(get(&user.session, &team.account.id).await.unwrap(), team.account);
    }
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, reading) = team.reviewer.key(read_only).await.unwrap();
    assert_eq!(get(&reading, &team.account.id).await.unwrap(), team.account);
    let (_, scoped) = team.owner.scoped_key(&[&team.workspace.id]).await.unwrap();
    assert_eq!(get(&scoped, &team.account.id).await.unwrap(), team.account);
    // What a client says of the workspace is not read.
    let request = GetSocialAccountRequest {
        account_id: team.account.id.clone(),
        workspace_id: "junk".to_owned(),
    };
    scoped.accounts().get_social_account(request).await.unwrap();
}

#[tokio::test]
async fn get_social_account_finds_what_is_in_reach_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.sign_up("stranger").await;
    let other = team.owner.session.create_workspace("Other").await.unwrap();
    let (_, scoped) = team.owner.scoped_key(&[&other.id]).await.unwrap();
    for client in [&stranger.session, &scoped] {
        refused(get(client, &team.account.id).await, Reason::WorkspaceOutOfReach);
    }
    let nothing = unknown::<Account>();
    refused(get(&team.owner.session, &nothing).await, Reason::ResourceNotFound);
    for junk in ["", "soc_junk", &team.workspace.id] {
        assert_eq!(invalid_fields(get(&team.owner.session, junk).await), ["account_id"]);
    }
}
