//! The key that tokens are wrapped with is replaced while everything goes on.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, RandomizedNonceKey},
    digest,
};
use postbreeze_ids::AccountId;
use postbreeze_proto::internal::v1::send_outcome::Outcome;
use postbreeze_testkit::until_eq;

use crate::{
    replica::{FIRST_KEY, Replica, SECOND_KEY, SETTINGS},
    server::Server,
    support::{System, failed, post, sent},
};

/// The settings with other keys.
fn with_keys<'a>(current: &'a str, old: &'a str) -> Vec<(&'a str, &'a str)> {
    let rest = SETTINGS.iter().filter(|(name, _)| *name != "POSTBREEZE_TOKEN_KEY");
    let keys = [("POSTBREEZE_TOKEN_KEY", current), ("POSTBREEZE_TOKEN_KEYS_OLD", old)];
    rest.copied().chain(keys).collect()
}

fn id_of(key: [u8; 32]) -> Vec<u8> {
    digest::digest(&digest::SHA256, &key).as_ref()[..8].to_vec()
}

/// Waits until every token is wrapped by a key.
async fn until_wrapped(system: &System, key: [u8; 32]) {
    let others = "SELECT count(*) FROM account_tokens WHERE key_id IS DISTINCT FROM $1";
    let pool = system.pool("accounts");
    until_eq("tokens are wrapped by another key", 0, async || {
        let others = sqlx::query_scalar::<_, i64>(others).bind(id_of(key));
        others.fetch_one(pool).await.unwrap()
    })
    .await;
}

#[tokio::test]
async fn tokens_are_wrapped_anew_by_the_new_key_and_the_old_one_can_go() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(7_200).await;
    let owner = system.sign_up("owner").await;
    let mut accounts = Vec::new();
    // More than are wrapped at once would take long to connect: several workspaces will do.
    for n in 0..3 {
        let id = owner.session.create_workspace(&format!("n{n}")).await.unwrap().id;
        accounts.push(server.connect(&owner.session, &id).await);
    }
    until_wrapped(&system, [1; 32]).await;
    let account = accounts.last().unwrap();
    let request = |key: &str| post(&system, &account.id, key, key);

    let rotating = Replica::start(&system, &with_keys(SECOND_KEY, FIRST_KEY));
    sent(rotating.publish(&system, request("rotating")).await);
    until_wrapped(&system, [2; 32]).await;
    sent(rotating.publish(&system, request("rotated")).await);
    let rotated = Replica::start(&system, &with_keys(SECOND_KEY, ""));
    sent(rotated.publish(&system, request("alone")).await);

    // Who has the old key alone cannot read them, and says that it is not the account's fault.
    let behind = Replica::start(&system, &with_keys(FIRST_KEY, ""));
    let failure = failed(behind.publish(&system, request("behind")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (true, "token_unreadable"));
    assert_eq!(server.texts(), ["rotating", "rotated", "alone"]);
    for replica in [rotating, rotated, behind] {
        replica.stop().await;
    }
}

#[tokio::test]
async fn a_token_of_before_data_keys_opens_and_is_converted() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(7_200).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = server.connect(&owner.session, &id).await;
    let account_id: AccountId = account.id.parse().unwrap();
    let [access, _] = server.tokens();
    // As the version before this one wrote it.
    let key = RandomizedNonceKey::new(&AES_256_GCM, &[1; 32]).unwrap();
    let bound = [b"account_tokens.access_token:".as_slice(), account_id.uuid().as_bytes()].concat();
    let mut sealed = access.into_bytes();
    let nonce = key.seal_in_place_append_tag(Aad::from(bound), &mut sealed).unwrap();
    let whole = [nonce.as_ref().as_slice(), &sealed].concat();
    let before = "UPDATE account_tokens
        SET access_token = $1, refresh_token = NULL, data_key = NULL, key_id = NULL, expire_time = NULL";
    sqlx::query(before).bind(whole).execute(system.pool("accounts")).await.unwrap();

    let replica = Replica::start(&system, &with_keys(SECOND_KEY, FIRST_KEY));
    let outcome = replica.publish(&system, post(&system, &account.id, "a", "before")).await;
    assert!(matches!(outcome, Outcome::Sent(_)), "{outcome:?}");
    until_wrapped(&system, [2; 32]).await;
    sent(replica.publish(&system, post(&system, &account.id, "b", "after")).await);
    assert_eq!(server.texts(), ["before", "after"]);
    replica.stop().await;
}
