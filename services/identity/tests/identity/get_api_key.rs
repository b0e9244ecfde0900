use postbreeze_proto::{
    status::Reason,
    v1::{GetApiKeyRequest, RevokeApiKeyRequest},
};

use crate::support::{System, get, invalid_fields, refused, unknown_key};

#[tokio::test]
async fn get_api_key_shows_a_key_of_the_caller_revoked_ones_without_secrets() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = ann.full_key().await.unwrap();
    assert_eq!(get(&ann, &key.id).await.unwrap(), key);
    let request = RevokeApiKeyRequest { key_id: key.id.clone() };
    ann.session.keys().revoke_api_key(request).await.unwrap();
    let revoked = get(&ann, &key.id).await.unwrap();
    assert!(revoked.secrets.is_empty() && revoked.revoke_time.is_some());
}

#[tokio::test]
async fn get_api_key_finds_no_key_of_another_user() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (key, client) = ann.full_key().await.unwrap();
    for id in [key.id.clone(), unknown_key()] {
        refused(get(&bob, &id).await, Reason::ResourceNotFound);
    }
    for junk in ["", "key_junk", ann.id()] {
        assert_eq!(invalid_fields(get(&ann, junk).await), ["key_id"]);
    }
    let request = GetApiKeyRequest { key_id: key.id };
    refused(client.keys().get_api_key(request).await, Reason::SessionRequired);
}
