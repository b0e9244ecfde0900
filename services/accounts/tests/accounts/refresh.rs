//! Tokens that run out: refreshed ahead and on demand, by one at a time, whatever the network says.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    internal::v1::{PublishRequest, find_outcome},
    v1::{AccountStatus, Platform, SocialAccount},
};
use postbreeze_testkit::{eventually, postgres::server_url, until_eq, until_that};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::sleep;

use crate::{
    canned::Canned,
    replica::{Replica, SETTINGS},
    server::{Refreshes, Server},
    support::{System, User, as_posts, failed, find, get, log, network, post, publish, sent},
};

const LASTS: i64 = 7_200;

async fn connected(system: &System, server: &Server) -> (User, SocialAccount) {
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = server.connect(&owner.session, &id).await;
    (owner, account)
}

fn request(system: &System, account: &SocialAccount, key: &str) -> PublishRequest {
    post(system, &account.id, key, key)
}

/// Turns the clock to when the access token is worth nothing any more.
fn run_out(system: &System) {
    system.clock.turn(TimeDelta::seconds(LASTS));
}

#[tokio::test]
async fn a_grant_is_exchanged_with_pkce_and_its_token_publishes() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    assert_eq!(account.status(), AccountStatus::Active);
    assert!(account.handle.starts_with("ann@127.0.0.1"), "{}", account.handle);
    assert_eq!(account.scopes, ["read", "write"]);
    // It is refreshed by itself.
    assert_eq!(account.token_expire_time, None);
    let most: Option<i32> = sqlx::query_scalar("SELECT max_characters FROM accounts")
        .fetch_one(system.pool("accounts"))
        .await
        .unwrap();
    assert_eq!(most, Some(5_000));
    let there = sent(publish(&system, request(&system, &account, "hello")).await);
    assert_eq!(there.external_url, "https://social.example/@ann/0");
    assert_eq!(server.texts(), ["hello"]);
    let found = find(&system, request(&system, &account, "hello")).await;
    assert!(matches!(found, find_outcome::Outcome::Found(found) if found == there));
    assert_eq!(server.refreshed(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_twenty_callers_on_two_replicas_one_refreshes() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    let other = Replica::start(&system, SETTINGS);
    server.refreshes(Refreshes::Rotating, Duration::from_millis(300));
    run_out(&system);
    let callers = (0..20).map(async |n| {
        let request = request(&system, &account, &format!("key-{n}"));
        if n % 2 == 0 {
            publish(&system, request).await
        } else {
            other.publish(&system, request).await
        }
    });
    for outcome in join_all(callers).await {
        sent(outcome);
    }
    assert_eq!(server.refreshed(), 1);
    assert_eq!(server.texts().len(), 20);
    other.stop().await;
}

#[tokio::test]
async fn an_answer_without_a_new_refresh_token_keeps_the_old_one() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    server.refreshes(Refreshes::Keeping, Duration::ZERO);
    for n in 1..=3 {
        run_out(&system);
        sent(publish(&system, request(&system, &account, &format!("key-{n}"))).await);
        assert_eq!(server.refreshed(), n);
    }
}

#[tokio::test]
async fn a_grant_that_is_not_valid_any_more_expires_the_account() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (owner, account) = connected(&system, &server).await;
    server.refreshes(Refreshes::Refused, Duration::ZERO);
    run_out(&system);
    let failure = failed(publish(&system, request(&system, &account, "a")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    let now = get(&owner.session, &account.id).await.unwrap();
    assert_eq!(now.status(), AccountStatus::TokenExpired);
    assert_eq!(log(&system, 0).await.len(), 2);
    // Nobody asks the network again.
    failed(publish(&system, request(&system, &account, "b")).await);
    assert_eq!(server.refreshed(), 1);
    assert_eq!(server.texts().len(), 0);
    // Connected again it works, with tokens of its own.
    server.refreshes(Refreshes::Rotating, Duration::ZERO);
    let revived = server.connect(&owner.session, &account.workspace_id).await;
    assert_eq!((&revived.id, revived.status()), (&account.id, AccountStatus::Active));
    sent(publish(&system, request(&system, &account, "c")).await);
}

#[tokio::test]
async fn a_network_that_is_not_well_costs_the_account_nothing() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (owner, account) = connected(&system, &server).await;
    server.refreshes(Refreshes::Down, Duration::ZERO);
    run_out(&system);
    for _ in 0..5 {
        let failure = failed(publish(&system, request(&system, &account, "a")).await);
        assert_eq!((failure.transient, failure.code.as_str()), (true, "token_refresh_failed"));
    }
    // Asked once, by the first of them or by the background, and not again before a while.
    assert_eq!(server.refreshed(), 1);
    let now = get(&owner.session, &account.id).await.unwrap();
    assert_eq!(now.status(), AccountStatus::Active);
    server.refreshes(Refreshes::Rotating, Duration::ZERO);
    system.clock.turn(TimeDelta::minutes(1));
    sent(publish(&system, request(&system, &account, "a")).await);
    assert_eq!(server.texts(), ["a"]);
}

#[tokio::test]
async fn a_token_that_the_network_refuses_early_is_refreshed_and_the_call_goes_on() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (owner, account) = connected(&system, &server).await;
    server.take_back();
    sent(publish(&system, request(&system, &account, "a")).await);
    assert_eq!(server.refreshed(), 1);
    // When the refresh token is refused, too, there is nothing left to try; what is told holds no token.
    server.take_back();
    server.refreshes(Refreshes::Refused, Duration::ZERO);
    let [_, refresh] = server.tokens();
    let failure = failed(publish(&system, request(&system, &account, "b")).await);
    assert_eq!((failure.transient, failure.code.as_str()), (false, "token_expired"));
    assert!(!failure.message.contains("access-token") && !failure.message.contains(&refresh));
    let now = get(&owner.session, &account.id).await.unwrap();
    assert_eq!(now.status(), AccountStatus::TokenExpired);
    assert_eq!(server.texts(), ["a"]);
}

#[tokio::test]
async fn a_token_is_refreshed_ahead_though_nobody_calls() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    // A tenth of its life before the end.
    system.clock.turn(TimeDelta::seconds(LASTS - LASTS / 10));
    until_that("it is refreshed", async || server.refreshed(), |seen| *seen > 0).await;
    let leased = "SELECT count(*) FROM account_tokens WHERE lease_until IS NOT NULL";
    let pool = system.pool("accounts");
    until_eq("the new tokens are kept", 0, async || {
        sqlx::query_scalar::<_, i64>(leased).fetch_one(pool).await.unwrap()
    })
    .await;
    sent(publish(&system, request(&system, &account, "a")).await);
    assert_eq!(server.refreshed(), 1);
}

#[tokio::test]
async fn who_died_with_the_lease_holds_the_account_up_for_a_minute_at_the_most() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    run_out(&system);
    let dead = "UPDATE account_tokens SET version = version + 1, lease_until = $1";
    sqlx::query(dead)
        .bind(system.clock.now() + TimeDelta::minutes(1))
        .execute(system.pool("accounts"))
        .await
        .unwrap();
    let waiting = publish(&system, request(&system, &account, "a"));
    let later = async {
        sleep(Duration::from_millis(300)).await;
        assert_eq!(server.refreshed(), 0);
        system.clock.turn(TimeDelta::minutes(1));
    };
    let (outcome, ()) = futures_util::future::join(waiting, later).await;
    sent(outcome);
    assert_eq!(server.refreshed(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_looked_for_and_not_sent_again() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    sent(publish(&system, request(&system, &account, "a")).await);
    assert!(matches!(
        find(&system, request(&system, &account, "a")).await,
        find_outcome::Outcome::Found(_)
    ));
    // What was never accepted may still be on its way for a while, and then it is not there.
    drop(publish(&system, request(&system, &account, "other")).await);
    let never = request(&system, &account, "never");
    let begun = "INSERT INTO sendings (bucket, account_id, key, progress, last_attempt_time)
        SELECT bucket, account_id, 'never', '', last_attempt_time FROM sendings LIMIT 1";
    sqlx::query(begun).execute(system.pool("accounts")).await.unwrap();
    let early = find(&system, never.clone()).await;
    assert!(matches!(early, find_outcome::Outcome::Undecided(undecided) if undecided.look_again));
    system.clock.turn(TimeDelta::minutes(2));
    let late = find(&system, never).await;
    assert!(matches!(late, find_outcome::Outcome::NotThere(_)), "{late:?}");
}

#[tokio::test]
async fn what_a_server_says_of_a_refresh_is_told_without_the_token() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    server.refreshes(Refreshes::Echoing, Duration::ZERO);
    run_out(&system);
    let [_, refresh] = server.tokens();
    let failure = failed(publish(&system, request(&system, &account, "a")).await);
    assert_eq!(failure.code, "token_refresh_failed");
    assert!(!failure.message.contains(&refresh), "{}", failure.message);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_tokens_are_kept_though_the_database_is_away_when_they_come() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    let gate = server.hold_answers();
    let pool = system.pool("accounts");
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(pool).await.unwrap();
    let mut operator = PgConnection::connect(&format!("{}/postgres", server_url())).await.unwrap();
    run_out(&system);
    // The background refreshes it; from here on the old tokens are worth nothing.
    until_that("it is refreshed", async || server.refreshed(), |seen| *seen > 0).await;
    let connections = async |operator: &mut PgConnection, allowed: bool| {
        let allow = format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS {allowed}");
        sqlx::raw_sql(AssertSqlSafe(allow)).execute(operator).await.unwrap();
    };
    connections(&mut operator, false).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    sqlx::query(end).bind(&name).execute(&mut operator).await.unwrap();
    gate.add_permits(1);
    // Long enough for the new tokens to meet no database.
    sleep(Duration::from_millis(300)).await;
    connections(&mut operator, true).await;
    let leased = "SELECT lease_until IS NOT NULL FROM account_tokens";
    let look = async || {
        let leased = sqlx::query_scalar::<_, bool>(leased).fetch_one(pool).await;
        leased.map_err(|cause| cause.to_string())
    };
    until_eq("the lease is over", Ok(false), look).await;
    // Connections that were ended are met once each.
    let answer = eventually("it is answered", async || {
        let request = as_posts(&system, request(&system, &account, "a"));
        network(&system).publish(request).await
    })
    .await;
    sent(answer.into_inner().outcome.unwrap().outcome.unwrap());
    assert_eq!(server.texts(), ["a"]);
    assert_eq!(server.refreshed(), 1);
}

#[tokio::test]
async fn tokens_of_networks_that_are_not_configured_hold_no_others_up() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (_, account) = connected(&system, &server).await;
    // As many as are looked at at once, due long before.
    let rows = "WITH account AS (
            INSERT INTO accounts (bucket, id, workspace_id, platform, external_id, handle, display_name,
                avatar_url, status, scopes, connect_time, server_url)
            SELECT bucket, overlay(id::TEXT PLACING lpad(to_hex(n), 4, '0') FROM 33)::UUID, gen_random_uuid(), 3,
                external_id, handle, display_name,
                avatar_url, status, scopes, connect_time, server_url
            FROM accounts, generate_series(1, 50) AS n
            RETURNING bucket, id
        )
        INSERT INTO account_tokens (bucket, account_id, access_token, refresh_token, data_key, key_id,
            expire_time, refresh_time, update_time)
        SELECT account.bucket, account.id, access_token, refresh_token, data_key, key_id, expire_time,
            update_time, update_time
        FROM account, account_tokens";
    sqlx::query(rows).execute(system.pool("accounts")).await.unwrap();
    run_out(&system);
    until_that("the others do not hold it up", async || server.refreshed(), |seen| *seen > 0).await;
    sent(publish(&system, request(&system, &account, "a")).await);
}

#[tokio::test]
async fn an_account_whose_token_nothing_buys_anew_ends_with_it() {
    let network = Canned::start().await;
    network.answers("/token", 200, json!({"access_token": "access", "expires_in": 5_184_000}));
    network.answers("/v2/userinfo", 200, json!({"sub": "1", "name": "Ann"}));
    let settings = network.settings("LINKEDIN");
    let settings: Vec<_> =
        settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let system = System::start_with(&settings).await;
    let owner = system.sign_up("owner").await;
    let id = owner.session.create_workspace("Acme").await.unwrap().id;
    let account = network.connect(&owner.session, &id, Platform::LinkedinPerson).await;
    assert!(account.token_expire_time.is_some());
    system.clock.turn(TimeDelta::seconds(5_184_000));
    // Sessions last less long than that.
    let status = "SELECT status FROM accounts";
    let pool = system.pool("accounts");
    until_that(
        "the account is active no more",
        async || sqlx::query_scalar::<_, String>(status).fetch_one(pool).await.unwrap(),
        |seen| *seen != "active",
    )
    .await;
    let told = log(&system, 0).await;
    assert_eq!(told.len(), 2);
    let failure = failed(publish(&system, post(&system, &account.id, "a", "a")).await);
    assert_eq!(failure.code, "token_expired");
}

#[tokio::test]
async fn an_app_that_a_server_has_deleted_is_registered_anew() {
    let system = System::start_with(SETTINGS).await;
    let server = Server::start(LASTS).await;
    let (owner, _) = connected(&system, &server).await;
    let connects = async |name: &str| {
        let id = owner.session.create_workspace(name).await.unwrap().id;
        server.connect(&owner.session, &id).await.status()
    };
    system.clock.turn(TimeDelta::days(2));
    // One that the server still knows stays.
    assert_eq!(connects("Known").await, AccountStatus::Active);
    server.forget_app();
    assert_eq!(connects("Globex").await, AccountStatus::Active);
}
