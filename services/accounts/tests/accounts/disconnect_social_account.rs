use postbreeze_ids::Account;
use postbreeze_proto::{
    status::Reason,
    v1::{
        AccountStatus, CreateApiKeyRequest, DisconnectSocialAccountRequest, KeyPermission,
        SocialAccount,
    },
};
use tonic::Status;

use crate::support::{Client, System, accounts, get, invalid_fields, refused, tokens, unknown};

async fn disconnect(client: &Client, account_id: &str) -> Result<SocialAccount, Status> {
    let request =
        DisconnectSocialAccountRequest { account_id: account_id.to_owned(), ..Default::default() };
    let answer = client.accounts().disconnect_social_account(request).await?.into_inner();
    Ok(answer.account.unwrap())
}

#[tokio::test]
async fn disconnect_social_account_is_for_good_and_destroys_the_token() {
    let system = System::start().await;
    let team = system.team().await;
    assert_eq!(tokens(&system).await.len(), 1);
    let disconnected =
        SocialAccount { status: AccountStatus::Disconnected.into(), ..team.account.clone() };
    for _ in 0..2 {
        let answer = disconnect(&team.admin.session, &team.account.id).await.unwrap();
        assert_eq!(answer, disconnected);
        assert_eq!(tokens(&system).await.len(), 0);
    }
    assert_eq!(get(&team.reviewer.session, &team.account.id).await.unwrap(), disconnected);

    // Connecting again makes another account, and brings this one back in nothing.
    let new = team.owner.session.connect(&team.workspace.id, "acme").await.unwrap();
    assert_ne!(new.id, team.account.id);
    assert_eq!(new.external_id, team.account.external_id);
    assert_eq!(get(&team.owner.session, &team.account.id).await.unwrap(), disconnected);
    assert_eq!(accounts(&system).await, (2, 1));
    assert_eq!(disconnect(&team.owner.session, &team.account.id).await.unwrap(), disconnected);
    assert_eq!(get(&team.owner.session, &new.id).await.unwrap(), new);
    assert_eq!(tokens(&system).await.len(), 1);
}

#[tokio::test]
async fn disconnect_social_account_is_for_owners_and_admins_who_may_write() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.account.id;
    for user in [&team.editor, &team.reviewer] {
        refused(disconnect(&user.session, id).await, Reason::RoleInsufficient);
    }
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, reading) = team.owner.key(read_only).await.unwrap();
    refused(disconnect(&reading, id).await, Reason::KeyReadOnly);
    let other = team.owner.session.create_workspace("Other").await.unwrap();
    let (_, scoped) = team.owner.scoped_key(&[&other.id]).await.unwrap();
    let stranger = system.sign_up("stranger").await;
    for client in [&scoped, &stranger.session] {
        refused(disconnect(client, id).await, Reason::WorkspaceOutOfReach);
    }
    let nothing = unknown::<Account>();
    refused(disconnect(&team.owner.session, &nothing).await, Reason::ResourceNotFound);
    for junk in ["", "soc_junk", &team.workspace.id] {
        assert_eq!(invalid_fields(disconnect(&team.owner.session, junk).await), ["account_id"]);
    }
    assert_eq!(get(&team.owner.session, id).await.unwrap(), team.account);
}
