use chrono::TimeDelta;
use postbreeze_ids::Workspace;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ApiKey, CreateApiKeyRequest, FullAccess, KeyPermission, RevokeApiKeyRequest, ScopedAccess,
        UpdateApiKeyRequest, api_key, update_api_key_request::Access,
    },
};
use tonic::Status;

use crate::support::{
    System, User, at, get, invalid_fields, mask, reached, refused, unknown, unknown_key, who,
    workspace,
};

fn of(key: &ApiKey) -> UpdateApiKeyRequest {
    UpdateApiKeyRequest { key_id: key.id.clone(), ..Default::default() }
}

fn scoped(workspaces: &[&str]) -> Access {
    let workspace_ids = workspaces.iter().map(|id| (*id).to_owned()).collect();
    Access::Scoped(ScopedAccess { workspace_ids })
}

async fn update(user: &User, request: UpdateApiKeyRequest) -> Result<ApiKey, Status> {
    Ok(user.session.keys().update_api_key(request).await?.into_inner().api_key.unwrap())
}

#[tokio::test]
async fn update_api_key_changes_what_is_set_and_nothing_else() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = ann.full_key().await.unwrap();
    let renamed =
        update(&ann, UpdateApiKeyRequest { display_name: " new ".to_owned(), ..of(&key) }).await;
    assert_eq!(renamed.unwrap(), ApiKey { display_name: "new".to_owned(), ..key.clone() });
    let expire_time = Some(at(system.clock.now() + TimeDelta::days(1)));
    let request = UpdateApiKeyRequest {
        display_name: "not named in the mask".to_owned(),
        expire_time,
        update_mask: Some(mask(&["expire_time", "expire_time"])),
        ..of(&key)
    };
    let updated = update(&ann, request).await.unwrap();
    assert_eq!(updated, ApiKey { display_name: "new".to_owned(), expire_time, ..key.clone() });
    assert_eq!(get(&ann, &key.id).await.unwrap(), updated);
    let request = UpdateApiKeyRequest { update_mask: Some(mask(&["expire_time"])), ..of(&key) };
    assert_eq!(update(&ann, request).await.unwrap().expire_time, None);
}

#[tokio::test]
async fn update_api_key_changes_the_reach_from_the_next_call_on() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (acme, globex) = (workspace(&ann, "Acme").await, workspace(&ann, "Globex").await);
    let (key, client) = ann.full_key().await.unwrap();
    assert_eq!(reached(&client).await.len(), 2);
    let request = UpdateApiKeyRequest {
        access: Some(scoped(&[&globex.id, &globex.id])),
        update_mask: Some(mask(&["scoped"])),
        ..of(&key)
    };
    let narrowed = update(&ann, request).await.unwrap();
    let workspace_ids = vec![globex.id.clone()];
    assert_eq!(narrowed.access, Some(api_key::Access::Scoped(ScopedAccess { workspace_ids })));
    assert_eq!(reached(&client).await, [globex.id]);
    update(&ann, UpdateApiKeyRequest { access: Some(scoped(&[&acme.id])), ..of(&key) })
        .await
        .unwrap();
    assert_eq!(reached(&client).await, [acme.id]);
    let access = Some(Access::FullAccess(FullAccess {}));
    update(&ann, UpdateApiKeyRequest { access, ..of(&key) }).await.unwrap();
    assert_eq!(reached(&client).await.len(), 2);
}

#[tokio::test]
async fn update_api_key_takes_writing_away_and_shortens_from_the_next_call_on() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, client) = ann.full_key().await.unwrap();
    client.create_workspace("Acme").await.unwrap();
    let permission = |permission: KeyPermission| UpdateApiKeyRequest {
        permission: permission.into(),
        ..of(&key)
    };
    update(&ann, permission(KeyPermission::ReadOnly)).await.unwrap();
    refused(client.create_workspace("Globex").await, Reason::KeyReadOnly);
    update(&ann, permission(KeyPermission::ReadWrite)).await.unwrap();
    client.create_workspace("Globex").await.unwrap();
    let expire_time = Some(at(system.clock.now() + TimeDelta::seconds(1)));
    update(&ann, UpdateApiKeyRequest { expire_time, ..of(&key) }).await.unwrap();
    system.clock.turn(TimeDelta::seconds(1));
    refused(who(&client).await, Reason::CredentialExpired);
}

#[tokio::test]
async fn update_api_key_names_every_bad_field_at_once() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = ann.full_key().await.unwrap();
    let bad = UpdateApiKeyRequest {
        key_id: "junk".to_owned(),
        display_name: "x".repeat(81),
        access: Some(scoped(&["junk"])),
        permission: 9,
        update_mask: Some(mask(&["display_name", "scoped", "permission", "secrets", "id"])),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update(&ann, bad).await),
        ["display_name", "key_id", "permission", "scoped.workspace_ids[0]", "update_mask"]
    );
    for paths in [vec!["display_name"; 21], vec!["nothing"; 20], vec!["*"], vec![""]] {
        let request = UpdateApiKeyRequest {
            display_name: "new".to_owned(),
            update_mask: Some(mask(&paths)),
            ..of(&key)
        };
        assert_eq!(invalid_fields(update(&ann, request).await), ["update_mask"]);
    }
    assert_eq!(invalid_fields(update(&ann, of(&key)).await), ["update_mask"]);
    let request = UpdateApiKeyRequest { update_mask: Some(mask(&["full_access"])), ..of(&key) };
    assert_eq!(invalid_fields(update(&ann, request).await), ["full_access"]);
    let request = UpdateApiKeyRequest { expire_time: Some(at(system.clock.now())), ..of(&key) };
    assert_eq!(invalid_fields(update(&ann, request).await), ["expire_time"]);
    assert_eq!(get(&ann, &key.id).await.unwrap(), key);
}

#[tokio::test]
async fn update_api_key_lists_only_workspaces_of_the_owner() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let foreign = workspace(&bob, "Foreign").await;
    let (key, _) = ann.full_key().await.unwrap();
    for elsewhere in [foreign.id.as_str(), &unknown::<Workspace>()] {
        let request = UpdateApiKeyRequest { access: Some(scoped(&[elsewhere])), ..of(&key) };
        refused(update(&ann, request).await, Reason::WorkspaceOutOfReach);
    }
    assert_eq!(get(&ann, &key.id).await.unwrap(), key);
}

#[tokio::test]
async fn update_api_key_finds_no_key_of_another_user_nor_a_revoked_one() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (key, client) = ann.key(CreateApiKeyRequest::default()).await.unwrap();
    let rename = || UpdateApiKeyRequest { display_name: "new".to_owned(), ..of(&key) };
    refused(update(&bob, rename()).await, Reason::ResourceNotFound);
    let nowhere = UpdateApiKeyRequest { key_id: unknown_key(), ..rename() };
    refused(update(&ann, nowhere).await, Reason::ResourceNotFound);
    refused(client.keys().update_api_key(rename()).await, Reason::SessionRequired);
    let revocation = RevokeApiKeyRequest { key_id: key.id.clone() };
    ann.session.keys().revoke_api_key(revocation).await.unwrap();
    // Before what else is wrong with the request.
    let elsewhere =
        UpdateApiKeyRequest { access: Some(scoped(&[&unknown::<Workspace>()])), ..rename() };
    for request in [rename(), elsewhere] {
        refused(update(&ann, request).await, Reason::ResourceNotFound);
    }
}
