use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_ids::Workspace;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ApiKey, CreateApiKeyRequest, FullAccess, KeyPermission, KeySecret, ListApiKeysRequest,
        ListWorkspacesRequest, ScopedAccess, api_key, create_api_key_request::Access,
    },
};
use prost_types::Timestamp;

use crate::support::{
    System, at, create, invalid_fields, key_id, refused, rows_with, sha_256, unknown, who,
    workspace,
};

fn scoped(workspaces: &[&str]) -> CreateApiKeyRequest {
    let workspace_ids = workspaces.iter().map(|id| (*id).to_owned()).collect();
    let access = Some(Access::Scoped(ScopedAccess { workspace_ids }));
    CreateApiKeyRequest { access, ..Default::default() }
}

fn repeated(request_id: &str) -> CreateApiKeyRequest {
    CreateApiKeyRequest { request_id: request_id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn create_api_key_gives_full_access_to_read_and_write_by_default() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let given = CreateApiKeyRequest {
        access: Some(Access::FullAccess(FullAccess {})),
        permission: KeyPermission::ReadWrite.into(),
        ..Default::default()
    };
    for request in [CreateApiKeyRequest::default(), given] {
        let (key, secret) = create(&ann, request).await.unwrap();
        let now = Some(at(system.clock.now()));
        let prefix = secret["pb_live_".len()..][..8].to_owned();
        assert_eq!(
            key,
            ApiKey {
                id: key.id.clone(),
                display_name: "key".to_owned(),
                secrets: vec![KeySecret { prefix, create_time: now, expire_time: None }],
                access: Some(api_key::Access::FullAccess(FullAccess {})),
                permission: KeyPermission::ReadWrite.into(),
                create_time: now,
                last_used_time: None,
                expire_time: None,
                revoke_time: None,
            }
        );
        assert_eq!(secret.len(), "pb_live_".len() + 32);
        assert_eq!(
            key_id(&key).bucket(),
            ann.id().parse::<postbreeze_ids::UserId>().unwrap().bucket()
        );
        let client = system.client(Some(&secret));
        client.create_workspace("Acme").await.unwrap();
    }
}

#[tokio::test]
async fn create_api_key_keeps_the_hash_of_the_secret_alone() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, secret) = create(&ann, repeated("once")).await.unwrap();
    assert_eq!(rows_with(&system, &secret).await, 0);
    assert_eq!(rows_with(&system, &secret["pb_live_".len()..]).await, 0);
    let hash: Vec<u8> = sqlx::query_scalar("SELECT secret_hash FROM api_key_secrets")
        .fetch_one(system.pool("identity"))
        .await
        .unwrap();
    assert_eq!(hash, sha_256(&secret));
}

#[tokio::test]
async fn create_api_key_names_every_bad_field_at_once() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let mut client = ann.session.keys();
    let bad = CreateApiKeyRequest {
        display_name: " ".to_owned(),
        permission: 9,
        expire_time: Some(Timestamp { seconds: 0, nanos: -1 }),
        request_id: "x".repeat(65),
        ..scoped(&[])
    };
    assert_eq!(
        invalid_fields(client.create_api_key(bad).await),
        ["display_name", "expire_time", "permission", "request_id", "scoped.workspace_ids"]
    );
    let id = workspace(&ann, "Acme").await.id;
    let answer = create(&ann, scoped(&[&id, "junk", ann.id()])).await;
    assert_eq!(invalid_fields(answer), ["scoped.workspace_ids[1]", "scoped.workspace_ids[2]"]);
    let answer = create(&ann, scoped(&vec![id.as_str(); 1_001])).await;
    assert_eq!(invalid_fields(answer), ["scoped.workspace_ids"]);
    let past =
        CreateApiKeyRequest { expire_time: Some(at(system.clock.now())), ..Default::default() };
    assert_eq!(invalid_fields(create(&ann, past).await), ["expire_time"]);
}

#[tokio::test]
async fn create_api_key_scopes_to_workspaces_of_the_owner_each_once() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (acme, globex) = (workspace(&ann, "Acme").await, workspace(&ann, "Globex").await);
    let foreign = workspace(&bob, "Foreign").await;
    for elsewhere in [foreign.id.as_str(), &unknown::<Workspace>()] {
        let answer = create(&ann, scoped(&[&acme.id, elsewhere])).await;
        refused(answer, Reason::WorkspaceOutOfReach);
    }
    let (key, secret) = create(&ann, scoped(&[&globex.id, &acme.id, &globex.id])).await.unwrap();
    let mut both = vec![acme.id.clone(), globex.id];
    both.sort();
    assert_eq!(key.access, Some(api_key::Access::Scoped(ScopedAccess { workspace_ids: both })));
    let client = system.client(Some(&secret));
    refused(client.create_workspace("more").await, Reason::ScopedKey);
}

#[tokio::test]
async fn create_api_key_answers_a_repeated_request_without_the_secret() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (key, secret) = create(&ann, repeated("once")).await.unwrap();
    assert!(!secret.is_empty());
    system.clock.turn(TimeDelta::hours(23));
    assert_eq!(create(&ann, repeated("once")).await.unwrap(), (key.clone(), String::new()));
    let other =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..repeated("once") };
    refused(create(&ann, other.clone()).await, Reason::RequestIdReused);
    assert_ne!(create(&bob, other).await.unwrap().0.id, key.id);
    system.clock.turn(TimeDelta::hours(1));
    assert_ne!(create(&ann, repeated("once")).await.unwrap().0.id, key.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_at_once_one_makes_the_key_and_shows_the_secret() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let answers = join_all((0..6).map(|_| create(&ann, repeated("once")))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|(key, _)| *key == answers[0].0));
    assert_eq!(answers.iter().filter(|(_, secret)| !secret.is_empty()).count(), 1);
    let listed = ann.session.keys().list_api_keys(ListApiKeysRequest::default()).await.unwrap();
    assert_eq!(listed.into_inner().api_keys, [answers[0].0.clone()]);
}

#[tokio::test]
async fn a_read_only_key_reads() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    workspace(&ann, "Acme").await;
    let request =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let (_, client) = ann.key(request).await.unwrap();
    let listed = client.workspaces().list_workspaces(ListWorkspacesRequest::default()).await;
    assert_eq!(listed.unwrap().into_inner().workspaces.len(), 1);
    refused(client.create_workspace("more").await, Reason::KeyReadOnly);
}

#[tokio::test]
async fn a_key_ends_at_its_time() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let expire_time = Some(at(system.clock.now() + TimeDelta::hours(1)));
    let request = CreateApiKeyRequest { expire_time, ..Default::default() };
    let (key, client) = ann.key(request).await.unwrap();
    assert_eq!(key.expire_time, expire_time);
    system.clock.turn(TimeDelta::hours(1) - TimeDelta::microseconds(1));
    who(&client).await.unwrap();
    system.clock.turn(TimeDelta::microseconds(1));
    refused(who(&client).await, Reason::CredentialExpired);
}

#[tokio::test]
async fn create_api_key_is_for_sessions() {
    let system = System::start().await;
    let (_, key) = system.sign_up("ann").await.full_key().await.unwrap();
    let answer = key.keys().create_api_key(CreateApiKeyRequest::default()).await;
    refused(answer, Reason::SessionRequired);
    let answer = system.client(None).keys().create_api_key(CreateApiKeyRequest::default()).await;
    refused(answer, Reason::CredentialMissing);
}
