use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{ApiKey, CreateApiKeyRequest, RevokeApiKeyRequest},
};
use tonic::Status;

use crate::support::{
    System, User, at, create, get, invalid_fields, overlapping, refused, rotate, unknown_key, who,
};

async fn revoke(user: &User, key_id: &str) -> Result<ApiKey, Status> {
    let request = RevokeApiKeyRequest { key_id: key_id.to_owned() };
    Ok(user.session.keys().revoke_api_key(request).await?.into_inner().api_key.unwrap())
}

#[tokio::test]
async fn revoke_api_key_ends_every_secret_from_the_next_call_on() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, first) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
    let (_, second) = rotate(&ann, overlapping(&key.id, 60)).await.unwrap();
    let clients = [&first, &second].map(|secret| system.client(Some(secret)));
    for client in &clients {
        who(client).await.unwrap();
    }
    let revoked = revoke(&ann, &key.id).await.unwrap();
    assert_eq!(revoked.revoke_time, Some(at(system.clock.now())));
    assert_eq!(revoked.secrets, []);
    for client in &clients {
        refused(who(client).await, Reason::CredentialRevoked);
        refused(client.create_workspace("Acme").await, Reason::CredentialRevoked);
    }
    // Also long after its secrets would have run out.
    system.clock.turn(TimeDelta::days(400));
    refused(who(&clients[0]).await, Reason::CredentialRevoked);
}

#[tokio::test]
async fn revoke_api_key_again_changes_nothing() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = ann.full_key().await.unwrap();
    let revoked = revoke(&ann, &key.id).await.unwrap();
    system.clock.turn(TimeDelta::minutes(1));
    assert_eq!(revoke(&ann, &key.id).await.unwrap(), revoked);
    assert_eq!(get(&ann, &key.id).await.unwrap(), revoked);
}

#[tokio::test]
async fn revoke_api_key_finds_no_key_of_another_user() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (key, client) = ann.full_key().await.unwrap();
    for id in [key.id.clone(), unknown_key()] {
        refused(revoke(&bob, &id).await, Reason::ResourceNotFound);
    }
    assert_eq!(invalid_fields(revoke(&ann, "junk").await), ["key_id"]);
    let request = RevokeApiKeyRequest { key_id: key.id };
    refused(client.keys().revoke_api_key(request).await, Reason::SessionRequired);
    who(&client).await.unwrap();
}
