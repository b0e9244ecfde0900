//! What several tests do.

use postbreeze_context::token::{CONTEXT, Issuer};
use postbreeze_ids::{Id, Kind};
use postbreeze_proto::{
    internal::v1::{
        AccountLogEntry, FindOutcome, FindPublishedRequest, MediaToPublish, PublishCommentRequest,
        PublishRequest, ReadAccountLogRequest, SendFailure, SendOutcome, Sent,
        account_log_service_client::AccountLogServiceClient, find_outcome,
        network_service_client::NetworkServiceClient, send_outcome,
    },
    time::to_proto,
    v1::{
        CompleteConnectRequest, GetSocialAccountRequest, ListSandboxCallsRequest, Platform,
        SandboxBehavior, SandboxCall, SandboxFault, SetSandboxBehaviorRequest, SocialAccount,
        StartConnectRequest, StartConnectResponse, complete_connect_request::Grant,
        sandbox_service_client::SandboxServiceClient,
    },
};
use postbreeze_runtime::peer::Peer;
pub(crate) use postbreeze_testkit::{Client, System, User, invalid_fields, refused};
use tonic::{Request, Status};
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

/// A request of the service `posts`.
pub(crate) fn as_posts<T>(system: &System, message: T) -> Request<T> {
    let key = system.keys.signing("posts").unwrap();
    let issuer = Issuer::new("posts", key, system.clock.clock()).unwrap();
    let mut request = Request::new(message);
    let token = issuer.system_token(&["accounts"]).unwrap();
    request.metadata_mut().as_mut().insert(CONTEXT, token);
    request
}

fn accounts_peer(system: &System) -> Peer {
    system.services.owners.accounts.first().clone()
}

/// What `posts` has done on the networks.
pub(crate) fn network(system: &System) -> NetworkServiceClient<Peer> {
    NetworkServiceClient::new(accounts_peer(system))
}

/// What the network inside the system is commanded by.
pub(crate) fn commands(client: &Client) -> SandboxServiceClient<Client> {
    SandboxServiceClient::new(client.clone())
}

/// A post for an account.
pub(crate) fn post(system: &System, account_id: &str, key: &str, text: &str) -> PublishRequest {
    PublishRequest {
        account_id: account_id.to_owned(),
        key: key.to_owned(),
        text: text.to_owned(),
        first_attempt_time: Some(to_proto(system.clock.now())),
        ..Default::default()
    }
}

/// A comment under a post.
pub(crate) fn comment(
    system: &System,
    account_id: &str,
    key: &str,
    external_post_id: &str,
) -> PublishCommentRequest {
    PublishCommentRequest {
        account_id: account_id.to_owned(),
        key: key.to_owned(),
        external_post_id: external_post_id.to_owned(),
        text: "first".to_owned(),
        first_attempt_time: Some(to_proto(system.clock.now())),
        ..Default::default()
    }
}

/// A medium whose bytes are there.
pub(crate) fn medium(url: &str, content_type: &str, size: usize) -> MediaToPublish {
    MediaToPublish {
        url: url.to_owned(),
        content_type: content_type.to_owned(),
        size_bytes: i64::try_from(size).unwrap(),
        alt_text: "a picture".to_owned(),
        ..Default::default()
    }
}

pub(crate) async fn publish(system: &System, request: PublishRequest) -> send_outcome::Outcome {
    let answer = network(system).publish(as_posts(system, request)).await.unwrap();
    outcome(answer.into_inner().outcome)
}

pub(crate) async fn publish_comment(
    system: &System,
    request: PublishCommentRequest,
) -> send_outcome::Outcome {
    let answer = network(system).publish_comment(as_posts(system, request)).await.unwrap();
    outcome(answer.into_inner().outcome)
}

fn outcome(outcome: Option<SendOutcome>) -> send_outcome::Outcome {
    outcome.unwrap().outcome.unwrap()
}

pub(crate) async fn find(system: &System, sent: PublishRequest) -> find_outcome::Outcome {
    let request = FindPublishedRequest { sent: Some(sent) };
    let answer = network(system).find_published(as_posts(system, request)).await.unwrap();
    found(answer.into_inner().outcome)
}

pub(crate) fn found(outcome: Option<FindOutcome>) -> find_outcome::Outcome {
    outcome.unwrap().outcome.unwrap()
}

/// What a network has, which must have it.
pub(crate) fn sent(outcome: send_outcome::Outcome) -> Sent {
    match outcome {
        send_outcome::Outcome::Sent(sent) => sent,
        other => panic!("not sent: {other:?}"),
    }
}

/// Why a network does not have it, which must say so.
pub(crate) fn failed(outcome: send_outcome::Outcome) -> SendFailure {
    match outcome {
        send_outcome::Outcome::Failed(failure) => failure,
        other => panic!("not failed: {other:?}"),
    }
}

/// A user with a workspace and a sandbox account in it.
pub(crate) async fn with_account(system: &System) -> (User, SocialAccount) {
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = owner.session.connect(&id, "acme").await.unwrap();
    (owner, account)
}

/// Commands the network inside the system.
pub(crate) async fn behave(client: &Client, account_id: &str, behavior: SandboxBehavior) {
    let request =
        SetSandboxBehaviorRequest { account_id: account_id.to_owned(), behavior: Some(behavior) };
    commands(client).set_sandbox_behavior(request).await.unwrap();
}

/// Lets the next sendings meet faults.
pub(crate) async fn meet(client: &Client, account_id: &str, faults: &[SandboxFault]) {
    let next_faults = faults.iter().map(|fault| i32::from(*fault)).collect();
    behave(client, account_id, SandboxBehavior { next_faults, ..Default::default() }).await;
}

/// What the network received, oldest first.
pub(crate) async fn calls(client: &Client, account_id: &str) -> Vec<SandboxCall> {
    let request = ListSandboxCallsRequest {
        account_id: account_id.to_owned(),
        page_size: 200,
        ..Default::default()
    };
    let answer = commands(client).list_sandbox_calls(request).await.unwrap().into_inner();
    answer.calls.into_iter().rev().collect()
}

/// The log of accounts after a position.
pub(crate) async fn log(system: &System, after_position: i64) -> Vec<AccountLogEntry> {
    let request = as_posts(system, ReadAccountLogRequest { after_position });
    let mut client = AccountLogServiceClient::new(accounts_peer(system));
    client.read_account_log(request).await.unwrap().into_inner().entries
}
