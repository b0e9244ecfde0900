//! Webhooks are told what happens to accounts and posts that time passes for.

use postbreeze_proto::v1::{
    CreatePostRequest, CreateWebhookRequest, SandboxFault, SocialAccount, TargetStatus,
    WebhookEventType,
};
use serde_json::Value;
use sqlx::{Postgres, Transaction};

use crate::support::{
    Receiver, Replica, System, Team, command, create, disconnect, draft, faults, get, new_webhook,
    scheduled, start, until_that, waiting,
};

/// A webhook that is told of everything.
async fn all_ears(team: &Team, receiver: &Receiver) {
    let kinds = (1..=8).filter(|kind| *kind != i32::from(WebhookEventType::CommentReceived));
    let request = CreateWebhookRequest {
        event_types: kinds.collect(),
        ..new_webhook(&team.workspace.id, &receiver.url("/"))
    };
    create(&team.owner.session, request).await.unwrap();
}

/// What has arrived of a kind, once this many have.
async fn told(receiver: &Receiver, kind: &str, count: usize) -> Vec<Value> {
    let of_kind = || {
        let all = receiver.at("/").into_iter().map(|arrival| arrival.json());
        all.filter(|body| body["type"] == kind).collect::<Vec<_>>()
    };
    until_that(kind, || async { of_kind() }, |all| all.len() >= count).await;
    of_kind()
}

fn data(account: &SocialAccount, more: &str) -> Value {
    let json = format!(
        "{{\"account_id\": \"{}\", \"platform\": \"SANDBOX\", \"handle\": \"{}\"{more}}}",
        account.id, account.handle
    );
    serde_json::from_str(&json).unwrap()
}

/// Waits until everything that has happened to accounts is dealt with.
async fn dealt_with(system: &System) {
    let last: i64 = sqlx::query_scalar("SELECT max(position) FROM account_log")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap();
    until_that(
        "the log is read",
        || async {
            sqlx::query_scalar("SELECT position FROM account_log_position")
                .fetch_one(system.pool("posts"))
                .await
                .unwrap()
        },
        |position: &i64| *position >= last,
    )
    .await;
}

#[tokio::test]
async fn webhooks_are_told_what_happens_to_accounts() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    dealt_with(&system).await;
    system.clock.turn(chrono::TimeDelta::seconds(1));
    all_ears(&team, &receiver).await;

    command(client, &team.account.id, faults(&[SandboxFault::TokenRevoked])).await;
    let request = CreatePostRequest { publish_now: true, ..draft("x", &team.account.id) };
    let post = client.create_post(request).await.unwrap();
    let expired = told(&receiver, "account.expired", 1).await.remove(0);
    assert_eq!(expired["data"], data(&team.account, ", \"revoked\": false"));
    assert_eq!(expired["workspace_id"], team.workspace.id);
    let failed = told(&receiver, "post.failed", 1).await.remove(0);
    assert_eq!(failed["data"]["post_id"], post.id);

    let revived = client.connect(&team.workspace.id, "acme").await.unwrap();
    assert_eq!(revived.id, team.account.id);
    let connected = told(&receiver, "account.connected", 1).await.remove(0);
    assert_eq!(connected["data"], data(&team.account, ""));

    disconnect(&team.owner, &team.account.id).await;
    let gone = told(&receiver, "account.disconnected", 1).await.remove(0);
    assert_eq!(gone["data"], data(&team.account, ""));
    assert_eq!(receiver.at("/").len(), 4);
}

#[tokio::test]
async fn webhooks_are_told_of_a_post_that_is_out() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    all_ears(&team, &receiver).await;
    let request = CreatePostRequest { publish_now: true, ..draft("x", &team.account.id) };
    let post = client.create_post(request).await.unwrap();
    let published = told(&receiver, "post.published", 1).await.remove(0);
    assert_eq!(published["data"]["post_id"], post.id);
}

/// Whoever has read of something waits to say so until this transaction ends.
async fn hold_position(system: &System) -> Transaction<'static, Postgres> {
    let mut transaction = system.pool("posts").begin().await.unwrap();
    sqlx::query("SELECT FROM account_log_position FOR UPDATE")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_to_an_account_is_told_once_however_many_read_of_it() {
    let system = start().await;
    let replica = Replica::beside(&system);
    let team = system.team().await;
    let client = &team.owner.session;
    disconnect(&team.owner, &team.account.id).await;
    dealt_with(&system).await;
    for _ in 0..4 {
        let held = hold_position(&system).await;
        let account = client.connect(&team.workspace.id, "again").await.unwrap();
        // Both processes have read of it, and neither has dealt with it.
        waiting(&system, 2).await;
        held.rollback().await.unwrap();
        dealt_with(&system).await;
        disconnect(&team.owner, &account.id).await;
    }
    dealt_with(&system).await;
    let told: Vec<(String, i64)> = sqlx::query_as(
        "SELECT kind, count(*) FROM events
        WHERE kind LIKE 'account.%'
        GROUP BY kind
        ORDER BY kind",
    )
    .fetch_all(system.pool("posts"))
    .await
    .unwrap();
    let wanted = [("account.connected", 5), ("account.disconnected", 5)];
    assert_eq!(told, wanted.map(|(kind, count)| (kind.to_owned(), count)));
    replica.stop().await;
}

#[tokio::test]
async fn a_process_that_is_stopping_still_hears_of_accounts_until_its_calls_have_ended() {
    let system = start().await;
    let team = system.team().await;
    dealt_with(&system).await;
    let post = scheduled(&system, "content", &team.account.id);
    let post = team.owner.session.create_post(post).await.unwrap();
    system.environment.background.stopping().cancel();
    system.environment.background.draining().cancel();
    disconnect(&team.owner, &team.account.id).await;
    dealt_with(&system).await;
    let seen = get(&team.owner.session, &post.id).await.unwrap();
    assert_eq!(seen.targets[0].status(), TargetStatus::Canceled);
}
