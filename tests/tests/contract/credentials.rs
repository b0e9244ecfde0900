//! Every RPC wants a credential, and only one that it gave out.

use aws_lc_rs::rand::SystemRandom;
use http::{HeaderName, HeaderValue, header::AUTHORIZATION};
use postbreeze_context::credential::{CredentialKind, mint};
use postbreeze_proto::{
    status::Reason,
    v1::{ListApiKeysRequest, RevokeApiKeyRequest, SignOutRequest},
};
use postbreeze_tests::wire::Call;
use prost::Message as _;
use secrecy::ExposeSecret as _;
use tonic::Code;

use crate::{
    table::{TABLE, Who},
    world::{Mode, Target, World, rpc_of},
};

/// What a client may put into `authorization`, and what it is told.
fn refused_headers() -> Vec<(HeaderValue, Reason)> {
    let made_up = mint(CredentialKind::ApiKey, &SystemRandom::new()).unwrap();
    let made_up = made_up.secret.expose_secret().to_owned();
    let mistyped = made_up.replace("pb_live_", "pb_sess_");
    let texts = [
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer pb_live_".to_owned(),
        "Basic dXNlcjpwYXNzd29yZA==".to_owned(),
        format!("Bearer {}", "x".repeat(3_000)),
        format!("Bearer {mistyped}"),
        format!("Bearer {made_up}x"),
        format!("Bearer {made_up}"),
        made_up,
    ];
    let mut headers: Vec<_> = texts
        .into_iter()
        .map(|text| (HeaderValue::try_from(text).unwrap(), Reason::CredentialInvalid))
        .collect();
    let bytes = HeaderValue::from_bytes(b"Bearer \xff\xfe").unwrap();
    headers.push((bytes, Reason::CredentialInvalid));
    headers
}

#[tokio::test]
async fn every_rpc_refuses_a_missing_and_a_made_up_credential() {
    let world = World::start().await;
    for row in TABLE.iter().filter(|row| row.who != Who::Anyone) {
        let path = rpc_of(row).path();
        let missing = Call::new(&path, None, &[]).send(&world.front).await;
        assert_eq!(missing.reason(), Some(Reason::CredentialMissing), "{path}");
        assert_eq!(missing.code(), Code::Unauthenticated);
        for (value, reason) in refused_headers() {
            let headers = [(AUTHORIZATION, value.clone())];
            let call = Call { headers: &headers, ..Call::new(&path, None, &[]) };
            let answer = call.send(&world.front).await;
            assert_eq!(answer.reason(), Some(reason), "{path} {value:?}: {}", answer.told());
            assert!(answer.request_id.is_some());
        }
    }
}

#[tokio::test]
async fn every_rpc_refuses_a_credential_from_the_moment_it_was_taken_away() {
    let world = World::start().await;
    let place = world.place().await;
    let owner = &world.team.owner;
    let session = world.sign_in(owner).await;
    world.system.client(Some(&session)).users().sign_out(SignOutRequest {}).await.unwrap();
    let key = world.credential(owner, Mode::FullKey, &place).await;
    let listed = owner
        .session
        .keys()
        .list_api_keys(ListApiKeysRequest::default())
        .await
        .unwrap()
        .into_inner();
    for listed in listed.api_keys {
        let request = RevokeApiKeyRequest { key_id: listed.id };
        owner.session.keys().revoke_api_key(request).await.unwrap();
    }
    for row in TABLE.iter().filter(|row| row.who != Who::Anyone) {
        let path = rpc_of(row).path();
        for credential in [&session, &key] {
            let answer = Call::new(&path, Some(credential), &[]).send(&world.front).await;
            let reason = Some(Reason::CredentialRevoked);
            assert_eq!(answer.reason(), reason, "{path}: {}", answer.told());
        }
    }
}

/// What services say to each other is nothing that a client can say.
#[tokio::test]
async fn context_metadata_of_a_client_gains_nothing() {
    let world = World::start().await;
    let place = world.place().await;
    let reviewer = &world.team.reviewer;
    let forged = HeaderValue::from_static("eyJhbGciOiJub25lIn0.eyJraW5kIjoic3lzdGVtIn0.");
    let headers = [
        (HeaderName::from_static("x-postbreeze-context"), forged),
        (HeaderName::from_static("x-postbreeze-user"), HeaderValue::from_static("owner")),
    ];
    for row in TABLE {
        let request = world.request(row, Target::Of(&place), reviewer).await.encode_to_vec();
        let path = rpc_of(row).path();
        if row.spoils || row.who == Who::Anyone {
            continue;
        }
        let plain = Call::new(&path, Some(&reviewer.session_token), &request);
        let dressed_up = Call { headers: &headers, ..plain.clone() };
        let (plain, dressed_up) =
            (plain.send(&world.front).await, dressed_up.send(&world.front).await);
        // The first may have changed what the second finds; nobody is let in who was not.
        if plain.code() == Code::PermissionDenied {
            assert_eq!(dressed_up.reason(), plain.reason(), "{path}");
        }
        let alone = Call { headers: &headers, ..Call::new(&path, None, &request) };
        let alone = alone.send(&world.front).await;
        assert_eq!(alone.reason(), Some(Reason::CredentialMissing), "{path}");
    }
}
