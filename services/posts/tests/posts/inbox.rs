//! Comments come by themselves.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;
use postbreeze_proto::v1::{
    DeleteWorkspaceRequest, SandboxBehavior, SandboxCallKind, SocialAccount,
};

use crate::support::{
    Client, Replica, System, User, calls, command, comment_on, inbox, published, until_that,
    workspace_of,
};

type Feed = (Option<DateTime<Utc>>, Option<DateTime<Utc>>, i32);

/// When something of an account is due, until when it is taken, and how often it failed.
async fn feed(system: &System, account: &SocialAccount) -> Option<Feed> {
    sqlx::query_as(
        "SELECT due_time, lease_time, failure_count FROM comment_feeds WHERE account_id = $1",
    )
    .bind(account.id.parse::<AccountId>().unwrap().uuid())
    .fetch_optional(system.pool("posts"))
    .await
    .unwrap()
}

async fn fetches(client: &Client, account: &SocialAccount) -> usize {
    calls(client, &account.id, SandboxCallKind::FetchComments).await.len()
}

/// Waits until an account was asked for its comments this often, and is given back.
async fn fetched(system: &System, client: &Client, account: &SocialAccount, count: usize) {
    let look = || async { (fetches(client, account).await, feed(system, account).await) };
    until_that(&format!("comments are fetched {count} times"), look, |(fetches, feed)| {
        *fetches >= count && feed.is_none_or(|(_, lease, _)| lease.is_none())
    })
    .await;
    assert_eq!(fetches(client, account).await, count);
}

async fn delete(user: &User, workspace_id: &str) {
    let request = DeleteWorkspaceRequest { workspace_id: workspace_id.to_owned() };
    user.session.workspaces().delete_workspace(request).await.unwrap();
}

#[tokio::test]
async fn comments_of_what_is_out_are_fetched_ever_less_often_for_a_week() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (post, external_id) = published(client, &team.account.id).await;
    let out = system.clock.now();
    let due = |system: &System, account: &SocialAccount| {
        let (system, account) = (system.pool("posts").clone(), account.id.clone());
        async move {
            let account: AccountId = account.parse().unwrap();
            sqlx::query_scalar::<_, Option<DateTime<Utc>>>(
                "SELECT due_time FROM comment_feeds WHERE account_id = $1",
            )
            .bind(account.uuid())
            .fetch_one(&system)
            .await
            .unwrap()
        }
    };
    assert_eq!(due(&system, &team.account).await, Some(out + TimeDelta::minutes(5)));
    comment_on(client, &team.account.id, &external_id, "ann", "soon").await;
    system.clock.turn(TimeDelta::minutes(5));
    fetched(&system, client, &team.account, 1).await;
    assert_eq!(inbox(client).await[0].post_id, post.id);
    assert_eq!(due(&system, &team.account).await, Some(out + TimeDelta::minutes(10)));

    system.clock.turn(TimeDelta::minutes(55));
    fetched(&system, client, &team.account, 2).await;
    assert_eq!(due(&system, &team.account).await, Some(out + TimeDelta::minutes(90)));
    system.clock.turn(TimeDelta::hours(24));
    comment_on(client, &team.account.id, &external_id, "ann", "later").await;
    fetched(&system, client, &team.account, 3).await;
    until_that("the other comment has come", || inbox(client), |all| all.len() == 2).await;
    let now = system.clock.now();
    assert_eq!(due(&system, &team.account).await, Some(now + TimeDelta::hours(6)));
    system.clock.turn(TimeDelta::days(7));
    fetched(&system, client, &team.account, 4).await;
    assert_eq!(due(&system, &team.account).await, None);
}

/// Accounts whose comments are being fetched.
async fn taken(system: &System) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM comment_feeds WHERE lease_time > $1")
        .bind(system.clock.now())
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_share_the_work() {
    let system = System::start().await;
    let replicas = [Replica::beside(&system), Replica::beside(&system)];
    let ann = system.sign_up("ann").await;
    let mut accounts = Vec::new();
    for n in 0..12 {
        let (_, account) = workspace_of(&ann, &format!("n{n}")).await;
        let (_, post) = published(&ann.session, &account.id).await;
        comment_on(&ann.session, &account.id, &post, "bob", "nice").await;
        let slow = SandboxBehavior {
            delay: Some(prost_types::Duration { seconds: 10, nanos: 0 }),
            ..Default::default()
        };
        command(&ann.session, &account.id, slow).await;
        accounts.push(account);
    }
    system.clock.turn(TimeDelta::minutes(5));
    // One process fetches of four accounts at once, and no more: all of the three are at it.
    until_that("twelve accounts are taken", || taken(&system), |taken| *taken == 12).await;
    until_that("all have come", || inbox(&ann.session), |all| all.len() == 12).await;
    for account in &accounts {
        fetched(&system, &ann.session, account, 1).await;
    }
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn an_account_whose_fetcher_has_died_is_taken_over_and_not_before() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, post) = published(client, &team.account.id).await;
    comment_on(client, &team.account.id, &post, "ann", "nice").await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    published(client, &other.id).await;
    // Another process has taken it, and is gone.
    sqlx::query(
        "UPDATE comment_feeds SET version = version + 1, lease_time = $2 WHERE account_id = $1",
    )
    .bind(team.account.id.parse::<AccountId>().unwrap().uuid())
    .bind(system.clock.now() + TimeDelta::minutes(7))
    .execute(system.pool("posts"))
    .await
    .unwrap();
    system.clock.turn(TimeDelta::minutes(6));
    fetched(&system, client, &other, 1).await;
    assert_eq!(fetches(client, &team.account).await, 0);
    system.clock.turn(TimeDelta::minutes(1));
    fetched(&system, client, &team.account, 1).await;
    assert_eq!(inbox(client).await.len(), 1);
}

#[tokio::test]
async fn nothing_is_fetched_for_a_workspace_that_is_gone() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, kept) = workspace_of(&team.owner, "globex").await;
    published(client, &team.account.id).await;
    published(client, &kept.id).await;
    delete(&team.owner, &team.workspace.id).await;
    until_that("the deletion is dealt with", || feed(&system, &team.account), Option::is_none)
        .await;
    let waiting: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM comment_sources WHERE account_id = $1 AND next_time IS NOT NULL",
    )
    .bind(team.account.id.parse::<AccountId>().unwrap().uuid())
    .fetch_one(system.pool("posts"))
    .await
    .unwrap();
    assert_eq!(waiting, 0);
    system.clock.turn(TimeDelta::minutes(5));
    fetched(&system, client, &kept, 1).await;
}
