//! What several tests do.

use aws_lc_rs::digest;
use chrono::{DateTime, Utc};
use postbreeze_ids::{Bucket, Key, KeyId, Kind};
use postbreeze_proto::{
    time,
    v1::{
        ApiKey, CreateApiKeyRequest, GetApiKeyRequest, RotateApiKeyRequest, WhoAmIRequest,
        WhoAmIResponse, Workspace,
    },
};
use postbreeze_runtime::{Environment, clock::Clock};
pub(crate) use postbreeze_testkit::{Client, System, User, invalid_fields, refused};
use prost_types::{Duration, FieldMask, Timestamp};
use tonic::Status;

/// Who a credential says it is; any credential may ask.
pub(crate) async fn who(client: &Client) -> Result<WhoAmIResponse, Status> {
    Ok(client.keys().who_am_i(WhoAmIRequest::default()).await?.into_inner())
}

/// The ids of the workspaces that a credential reaches.
pub(crate) async fn reached(client: &Client) -> Vec<String> {
    let answer = who(client).await.unwrap();
    answer.workspaces.into_iter().map(|workspace| workspace.workspace_id).collect()
}

/// A new key and its secret.
pub(crate) async fn create(
    user: &User,
    request: CreateApiKeyRequest,
) -> Result<(ApiKey, String), Status> {
    let request = CreateApiKeyRequest { display_name: "key".to_owned(), ..request };
    let answer = user.session.keys().create_api_key(request).await?.into_inner();
    Ok((answer.api_key.unwrap(), answer.secret))
}

pub(crate) async fn get(user: &User, key_id: &str) -> Result<ApiKey, Status> {
    let request = GetApiKeyRequest { key_id: key_id.to_owned() };
    Ok(user.session.keys().get_api_key(request).await?.into_inner().api_key.unwrap())
}

/// A key's new secret, and the key after that.
pub(crate) async fn rotate(
    user: &User,
    request: RotateApiKeyRequest,
) -> Result<(ApiKey, String), Status> {
    let answer = user.session.keys().rotate_api_key(request).await?.into_inner();
    Ok((answer.api_key.unwrap(), answer.secret))
}

/// To rotate a key with an overlap of so many seconds.
pub(crate) fn overlapping(key_id: &str, seconds: i64) -> RotateApiKeyRequest {
    let overlap = Some(Duration { seconds, nanos: 0 });
    RotateApiKeyRequest { key_id: key_id.to_owned(), overlap, ..Default::default() }
}

pub(crate) async fn workspace(user: &User, name: &str) -> Workspace {
    user.session.create_workspace(name).await.unwrap()
}

/// The id of something that never was.
pub(crate) fn unknown<K: Kind>() -> String {
    let minter = Environment::new(Clock::system()).minter;
    minter.mint::<K>(Bucket::random(&mut rand::rng())).to_string()
}

pub(crate) fn unknown_key() -> String {
    unknown::<Key>()
}

pub(crate) fn key_id(key: &ApiKey) -> KeyId {
    key.id.parse().unwrap()
}

pub(crate) fn at(instant: DateTime<Utc>) -> Timestamp {
    time::to_proto(instant)
}

pub(crate) fn mask(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

pub(crate) fn sha_256(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

/// How many rows of identity's tables hold this text anywhere.
pub(crate) async fn rows_with(system: &System, text: &str) -> i64 {
    sqlx::query_scalar(
        "SELECT
            (SELECT count(*) FROM users AS row WHERE strpos(row::TEXT, $1) > 0)
            + (SELECT count(*) FROM sessions AS row WHERE strpos(row::TEXT, $1) > 0)
            + (SELECT count(*) FROM api_keys AS row WHERE strpos(row::TEXT, $1) > 0)
            + (SELECT count(*) FROM api_key_secrets AS row WHERE strpos(row::TEXT, $1) > 0)
            + (SELECT count(*) FROM idempotency AS row WHERE position($1::BYTEA IN row.response) > 0)",
    )
    .bind(text)
    .fetch_one(system.pool("identity"))
    .await
    .unwrap()
}
