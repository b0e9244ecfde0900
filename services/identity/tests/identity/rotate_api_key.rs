use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::Reason,
    v1::{CreateApiKeyRequest, RevokeApiKeyRequest, RotateApiKeyRequest},
};
use prost_types::Duration;

use crate::support::{
    System, at, create, get, invalid_fields, overlapping, refused, rotate, rows_with, sha_256,
    unknown_key, who,
};

const DAY: i64 = 24 * 60 * 60;

#[tokio::test]
async fn rotate_api_key_keeps_the_old_secret_for_the_overlap() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    for (overlap, lasts) in [(None, DAY), (Some(60), 60), (Some(7 * DAY), 7 * DAY)] {
        let (key, old) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
        let overlap = overlap.map(|seconds| Duration { seconds, nanos: 0 });
        let request = RotateApiKeyRequest { key_id: key.id.clone(), overlap, ..Default::default() };
        let (rotated, new) = rotate(&ann, request).await.unwrap();
        let end = system.clock.now() + TimeDelta::seconds(lasts);
        let [first, second] = &rotated.secrets[..] else { panic!("not two: {rotated:?}") };
        assert_eq!((&first.prefix, first.expire_time), (&new[8..16].to_owned(), None));
        assert_eq!((&second.prefix, second.expire_time), (&old[8..16].to_owned(), Some(at(end))));
        assert_eq!(get(&ann, &key.id).await.unwrap(), rotated);

        system.clock.turn(TimeDelta::seconds(lasts) - TimeDelta::microseconds(1));
        let (old, new) = (system.client(Some(&old)), system.client(Some(&new)));
        who(&old).await.unwrap();
        who(&new).await.unwrap();
        system.clock.turn(TimeDelta::microseconds(1));
        refused(who(&old).await, Reason::CredentialExpired);
        who(&new).await.unwrap();
        assert_eq!(get(&ann, &key.id).await.unwrap().secrets.len(), 1);
        // A later rotation does not change what became of it.
        rotate(&ann, overlapping(&key.id, 60)).await.unwrap();
        refused(who(&old).await, Reason::CredentialExpired);
    }
}

#[tokio::test]
async fn rotate_api_key_without_an_overlap_ends_the_old_secret_on_every_clock() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, old) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
    let (rotated, new) = rotate(&ann, overlapping(&key.id, 0)).await.unwrap();
    assert_eq!(rotated.secrets.len(), 1);
    let old = system.client(Some(&old));
    refused(who(&old).await, Reason::CredentialRevoked);
    // As a replica sees it whose clock is behind.
    system.clock.turn(-TimeDelta::milliseconds(300));
    refused(who(&old).await, Reason::CredentialRevoked);
    who(&system.client(Some(&new))).await.unwrap();
}

#[tokio::test]
async fn rotate_api_key_twice_ends_the_older_at_once() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, first) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
    let (_, second) = rotate(&ann, overlapping(&key.id, DAY)).await.unwrap();
    let (rotated, third) = rotate(&ann, overlapping(&key.id, DAY)).await.unwrap();
    let shown: Vec<_> = rotated.secrets.iter().map(|secret| secret.prefix.as_str()).collect();
    assert_eq!(shown, [&third[8..16], &second[8..16]]);
    system.clock.turn(-TimeDelta::milliseconds(300));
    refused(who(&system.client(Some(&first))).await, Reason::CredentialRevoked);
    for living in [&second, &third] {
        who(&system.client(Some(living))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rotations_at_once_leave_at_most_two_secrets_living() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, first) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
    let rotations = join_all((0..6).map(|_| rotate(&ann, overlapping(&key.id, DAY)))).await;
    let secrets = rotations.into_iter().map(|rotation| rotation.unwrap().1).chain([first]);
    let mut living = Vec::new();
    for secret in secrets {
        if who(&system.client(Some(&secret))).await.is_ok() {
            living.push(secret[8..16].to_owned());
        }
    }
    let mut shown: Vec<_> =
        get(&ann, &key.id).await.unwrap().secrets.into_iter().map(|row| row.prefix).collect();
    living.sort();
    shown.sort();
    assert_eq!(living.len(), 2);
    assert_eq!(living, shown);
}

#[tokio::test]
async fn rotate_api_key_answers_a_repeated_request_without_the_secret() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = create(&ann, CreateApiKeyRequest::default()).await.unwrap();
    let request =
        RotateApiKeyRequest { request_id: "once".to_owned(), ..overlapping(&key.id, DAY) };
    let (rotated, secret) = rotate(&ann, request.clone()).await.unwrap();
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT secret_hash FROM api_key_secrets")
        .fetch_all(system.pool("identity"))
        .await
        .unwrap();
    assert!(hashes.contains(&sha_256(&secret)));
    assert_eq!(rows_with(&system, &secret).await, 0);
    assert_eq!(rotate(&ann, request.clone()).await.unwrap(), (rotated.clone(), String::new()));
    assert_eq!(get(&ann, &key.id).await.unwrap(), rotated);
    let other = RotateApiKeyRequest { overlap: None, ..request.clone() };
    refused(rotate(&ann, other).await, Reason::RequestIdReused);

    // What cannot be rotated any more is told before what was answered once.
    let revocation = RevokeApiKeyRequest { key_id: key.id };
    ann.session.keys().revoke_api_key(revocation).await.unwrap();
    refused(rotate(&ann, request).await, Reason::ResourceNotFound);
}

#[tokio::test]
async fn rotate_api_key_names_every_bad_field_at_once() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (key, _) = ann.full_key().await.unwrap();
    let bad = RotateApiKeyRequest { request_id: "x".repeat(65), ..overlapping("junk", -1) };
    assert_eq!(invalid_fields(rotate(&ann, bad).await), ["key_id", "overlap", "request_id"]);
    for (seconds, nanos) in [(7 * DAY, 1), (7 * DAY + 1, 0), (1, -1), (i64::MAX, 0), (i64::MIN, 0)]
    {
        let overlap = Some(Duration { seconds, nanos });
        let request = RotateApiKeyRequest { overlap, ..overlapping(&key.id, 0) };
        assert_eq!(invalid_fields(rotate(&ann, request).await), ["overlap"], "{seconds} {nanos}");
    }
}

#[tokio::test]
async fn rotate_api_key_finds_no_key_of_another_user_nor_a_revoked_one() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let (key, client) = ann.full_key().await.unwrap();
    for id in [key.id.as_str(), &unknown_key()] {
        refused(rotate(&bob, overlapping(id, 0)).await, Reason::ResourceNotFound);
    }
    let answer = client.keys().rotate_api_key(overlapping(&key.id, 0)).await;
    refused(answer, Reason::SessionRequired);
    let revocation = RevokeApiKeyRequest { key_id: key.id.clone() };
    ann.session.keys().revoke_api_key(revocation).await.unwrap();
    refused(rotate(&ann, overlapping(&key.id, 0)).await, Reason::ResourceNotFound);
}
