//! What several tests do.

use postbreeze_ids::{Id, Kind};
use postbreeze_proto::v1::{
    CompleteConnectRequest, GetSocialAccountRequest, Platform, SocialAccount, StartConnectRequest,
    StartConnectResponse, complete_connect_request::Grant,
};
pub(crate) use postbreeze_testkit::{Client, System, User, invalid_fields, refused};
use tonic::Status;
use uuid::Uuid;

/// To connect a sandbox account to a workspace.
pub(crate) fn sandbox(workspace_id: &str) -> StartConnectRequest {
    StartConnectRequest {
        workspace_id: workspace_id.to_owned(),
        platform: Platform::Sandbox.into(),
        ..Default::default()
    }
}

pub(crate) async fn start(
    client: &Client,
    request: StartConnectRequest,
) -> Result<StartConnectResponse, Status> {
    Ok(client.accounts().start_connect(request).await?.into_inner())
}

/// The state of a connection that was begun.
pub(crate) async fn begun(client: &Client, workspace_id: &str) -> String {
    start(client, sandbox(workspace_id)).await.unwrap().state
}

/// To complete a connection with a code.
pub(crate) fn with(state: &str, code: &str) -> CompleteConnectRequest {
    CompleteConnectRequest {
        state: state.to_owned(),
        grant: Some(Grant::Code(code.to_owned())),
        ..Default::default()
    }
}

pub(crate) async fn complete(
    client: &Client,
    request: CompleteConnectRequest,
) -> Result<SocialAccount, Status> {
    let answer = client.accounts().complete_connect(request).await?.into_inner();
    Ok(answer.account.unwrap())
}

pub(crate) async fn get(client: &Client, account_id: &str) -> Result<SocialAccount, Status> {
    let request =
        GetSocialAccountRequest { account_id: account_id.to_owned(), ..Default::default() };
    let answer = client.accounts().get_social_account(request).await?.into_inner();
    Ok(answer.account.unwrap())
}

/// What a network may do to an account at any time.
pub(crate) async fn set_status(system: &System, status: &str) {
    sqlx::query("UPDATE accounts SET status = $1 WHERE status <> 'disconnected'")
        .bind(status)
        .execute(system.pool("accounts"))
        .await
        .unwrap();
}

/// The tokens at rest.
pub(crate) async fn tokens(system: &System) -> Vec<Vec<u8>> {
    sqlx::query_scalar("SELECT access_token FROM account_tokens")
        .fetch_all(system.pool("accounts"))
        .await
        .unwrap()
}

/// How many accounts there are, and how many of them are not disconnected.
pub(crate) async fn accounts(system: &System) -> (i64, i64) {
    let counts = "SELECT count(*), count(*) FILTER (WHERE status <> 'disconnected') FROM accounts";
    sqlx::query_as(counts).fetch_one(system.pool("accounts")).await.unwrap()
}

/// The id of something that never was.
pub(crate) fn unknown<K: Kind>() -> String {
    Id::<K>::from_uuid(Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001)).to_string()
}
