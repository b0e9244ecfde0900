//! Posts come due while the processes that publish them are killed, their database crashes and the network loses answers:
//! each goes out exactly once.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postbreeze_embedded_postgres::EmbeddedPostgres;
use postbreeze_proto::{
    time::to_proto,
    v1::{
        ChangeSubscriptionRequest, CreatePostRequest, DisconnectSocialAccountRequest, Plan,
        SandboxBehavior, SandboxFault, SetSandboxBehaviorRequest,
    },
};
use postbreeze_testkit::{Client, User, draft};
use postbreeze_tests::processes::{Processes, send_signal};
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use tonic::Status;

use crate::server::{Directory, postgres};

/// Who publishes. Clients speak to the first alone.
const PUBLISHERS: [&str; 2] = ["posts", "posts-too"];
const AT_ONCE: usize = 8;

struct Chaos {
    posts: usize,
    accounts: usize,
    /// How long it takes to write them all.
    ahead: TimeDelta,
    /// Over how long they come due.
    within: TimeDelta,
    /// How often one of the publishers is killed.
    kills: usize,
    /// Whether the database crashes in the middle of it.
    database_crashes: bool,
    behavior: SandboxBehavior,
    /// Whether every second account is disconnected midway.
    disconnects: bool,
    patience: Duration,
}

fn lossy(faults: &[SandboxFault], percent: i32) -> SandboxBehavior {
    SandboxBehavior {
        fault_percent: percent,
        random_faults: faults.iter().map(|fault| (*fault).into()).collect(),
        delay: Some(prost_types::Duration { seconds: 0, nanos: 30_000_000 }),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn posts_go_out_once_though_those_who_send_them_are_killed() {
    let chaos = Chaos {
        posts: 150,
        accounts: 10,
        ahead: TimeDelta::seconds(8),
        within: TimeDelta::seconds(6),
        kills: 4,
        database_crashes: false,
        behavior: SandboxBehavior {
            // Those that fall due at first, so that all are out soon.
            next_faults: [SandboxFault::AnswerLost, SandboxFault::RequestLost]
                .map(i32::from)
                .to_vec(),
            ..lossy(&[], 0)
        },
        disconnects: false,
        patience: Duration::from_mins(1),
    };
    chaos.run("chaos").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make chaos` runs it"]
async fn two_thousand_posts_go_out_once_whatever_is_killed() {
    let faults = [
        SandboxFault::AnswerLost,
        SandboxFault::RequestLost,
        SandboxFault::ServerError,
        SandboxFault::RateLimited,
    ];
    let chaos = Chaos {
        posts: 2_000,
        accounts: 50,
        ahead: TimeDelta::seconds(90),
        within: TimeDelta::seconds(60),
        kills: 24,
        database_crashes: true,
        behavior: lossy(&faults, 20),
        disconnects: false,
        patience: Duration::from_mins(20),
    };
    chaos.run("chaos-of-thousands").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: `make chaos` runs it"]
async fn every_post_ends_though_half_of_all_accounts_are_disconnected_midway() {
    let faults = [
        SandboxFault::AnswerLost,
        SandboxFault::RequestLost,
        SandboxFault::ServerError,
        SandboxFault::Refused,
    ];
    let chaos = Chaos {
        posts: 1_000,
        accounts: 50,
        ahead: TimeDelta::seconds(60),
        within: TimeDelta::seconds(30),
        kills: 12,
        database_crashes: false,
        behavior: lossy(&faults, 20),
        disconnects: true,
        patience: Duration::from_mins(20),
    };
    chaos.run("chaos-of-disconnections").await;
}

impl Chaos {
    async fn run(self, name: &str) {
        let directory = Directory::new(name);
        let server = postgres(&directory).await;
        let settings =
            [("POSTBREEZE_PUBLISH_DEADLINE_MS", "2000"), ("POSTBREEZE_PUBLISH_LEASE_MS", "3000")];
        let mut processes = Processes::start(server.url(), directory.path(), &settings).await;
        processes.launch_replica(PUBLISHERS[1], PUBLISHERS[0]);
        processes.until_ready(PUBLISHERS[1]).await;
        let begins = now() + self.ahead;
        let (owner, accounts) = self.write(&processes, begins).await;
        assert!(now() < begins, "all posts are written before the first is due");
        let until_due = (begins - now()).to_std().unwrap();
        tokio::time::sleep(until_due).await;
        for kill in 0..self.kills {
            tokio::time::sleep(Duration::from_millis(700)).await;
            let publisher = PUBLISHERS[kill % PUBLISHERS.len()];
            processes.kill(publisher).await;
            if self.database_crashes && kill == self.kills / 2 {
                crash(&server).await;
            }
            if self.disconnects && kill == self.kills / 2 {
                for account in accounts.iter().step_by(2) {
                    disconnect(&owner.session, account).await;
                }
            }
            processes.launch(publisher);
            processes.until_ready(publisher).await;
        }
        let posts = pool(&server, "posts").await;
        if self.disconnects {
            self.until_all_have_ended(&posts).await;
            return self.check_ends(&posts, &pool(&server, "accounts").await).await;
        }
        self.until_all_are_out(&posts).await;
        let accounts = pool(&server, "accounts").await;
        let received: Vec<(String, i64)> = sqlx::query_as(
            "SELECT text, count(*) FROM sandbox_calls WHERE accepted AND kind = 1 GROUP BY text",
        )
        .fetch_all(&accounts)
        .await
        .unwrap();
        let received: BTreeMap<String, i64> = received.into_iter().collect();
        let wanted: BTreeMap<String, i64> =
            (0..self.posts).map(|number| (text(number), 1)).collect();
        assert_eq!(received, wanted);
        let (units, open): (i64, i64) = sqlx::query_as(
            "SELECT
                (SELECT COALESCE(sum(units), 0)::BIGINT FROM post_usage),
                (SELECT count(*) FROM publish_attempts WHERE status IN ('in_flight', 'unknown'))",
        )
        .fetch_one(&posts)
        .await
        .unwrap();
        assert_eq!((units, open), (i64::try_from(self.posts).unwrap(), 0));
    }

    /// Writes the posts, due one after the other.
    async fn write(&self, processes: &Processes, begins: DateTime<Utc>) -> (User, Vec<String>) {
        let owner = processes.front().sign_up("owner").await;
        let client = &owner.session;
        let plan = ChangeSubscriptionRequest { plan: Plan::Enterprise.into() };
        client.billing().change_subscription(plan).await.unwrap();
        let accounts: Vec<String> = stream::iter(0..self.accounts)
            .map(|number| connect(client, number, self.behavior.clone()))
            .buffered(AT_ONCE)
            .try_collect()
            .await
            .unwrap();
        let step = self.within / i32::try_from(self.posts).unwrap();
        let created: Vec<_> = stream::iter(0..self.posts)
            .map(|number| {
                let request = CreatePostRequest {
                    scheduled_for: Some(to_proto(begins + step * i32::try_from(number).unwrap())),
                    ..draft(&text(number), &accounts[number % accounts.len()])
                };
                client.create_post(request)
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await
            .unwrap();
        assert_eq!(created.len(), self.posts);
        (owner, accounts)
    }

    async fn until_all_have_ended(&self, posts: &PgPool) {
        let until = Instant::now() + self.patience;
        loop {
            let left: Vec<(String, i64)> = sqlx::query_as(
                "SELECT status, count(*) FROM posts
                WHERE status NOT IN ('published', 'failed', 'canceled') GROUP BY status",
            )
            .fetch_all(posts)
            .await
            .unwrap();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "not all have ended: {left:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Every post says what became of it: those that are out are on the network once, and a unit is held by each of them alone.
    async fn check_ends(&self, posts: &PgPool, accounts: &PgPool) {
        let received: Vec<(String, i64)> = sqlx::query_as(
            "SELECT text, count(*) FROM sandbox_calls WHERE accepted AND kind = 1 GROUP BY text",
        )
        .fetch_all(accounts)
        .await
        .unwrap();
        let received: BTreeMap<String, i64> = received.into_iter().collect();
        assert!(received.values().all(|count| *count == 1), "{received:?}");
        let ends: Vec<(String, String, String)> = sqlx::query_as(
            "SELECT post.content, post.status, target.error_class
            FROM posts AS post
            JOIN post_targets AS target ON target.bucket = post.bucket AND target.post_id = post.id
            ORDER BY post.content",
        )
        .fetch_all(posts)
        .await
        .unwrap();
        assert_eq!(ends.len(), self.posts);
        let mut published = 0;
        for (text, status, class) in &ends {
            published += i64::from(status == "published");
            // An account that is gone cannot be asked any more: there the post says that it may be out.
            let may_be_out = status == "published" || class == "unknown";
            assert!(may_be_out || !received.contains_key(text), "{text} is out, and {status}");
            assert!(status != "published" || received.contains_key(text), "{text} is not out");
        }
        let (units, charged): (i64, i64) = sqlx::query_as(
            "SELECT
                (SELECT COALESCE(sum(units), 0)::BIGINT FROM post_usage),
                (SELECT count(*) FROM posts WHERE charged_month IS NOT NULL)",
        )
        .fetch_one(posts)
        .await
        .unwrap();
        assert_eq!((units, charged), (published, published));
        assert!(0 < published && published < i64::try_from(self.posts).unwrap(), "{published}");
    }

    async fn until_all_are_out(&self, posts: &PgPool) {
        let until = Instant::now() + self.patience;
        loop {
            let left: Vec<(String, i64)> =
                sqlx::query_as("SELECT status, count(*) FROM posts GROUP BY status")
                    .fetch_all(posts)
                    .await
                    .unwrap();
            if left == [("published".to_owned(), i64::try_from(self.posts).unwrap())] {
                return;
            }
            assert!(Instant::now() < until, "not all are out: {left:?}");
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }
}

fn text(number: usize) -> String {
    format!("post {number:05}")
}

/// A workspace with an account that answers like this.
async fn connect(
    client: &Client,
    number: usize,
    behavior: SandboxBehavior,
) -> Result<String, Status> {
    let workspace = client.create_workspace(&format!("Acme {number}")).await?;
    let account = client.connect(&workspace.id, &format!("acme{number}")).await?;
    let command =
        SetSandboxBehaviorRequest { account_id: account.id.clone(), behavior: Some(behavior) };
    client.sandbox().set_sandbox_behavior(command).await?;
    Ok(account.id)
}

async fn disconnect(client: &Client, account_id: &str) {
    let request =
        DisconnectSocialAccountRequest { account_id: account_id.to_owned(), ..Default::default() };
    client.accounts().disconnect_social_account(request).await.unwrap();
}

/// Kills a process of the database server: it ends all others, and recovers from its log.
async fn crash(server: &EmbeddedPostgres) {
    let postmaster = server.pid().unwrap();
    let children =
        std::fs::read_to_string(format!("/proc/{postmaster}/task/{postmaster}/children"));
    let children = children.unwrap();
    let child = children.split_whitespace().next().unwrap().parse().unwrap();
    send_signal("KILL", child).await;
}

async fn pool(server: &EmbeddedPostgres, owner: &str) -> PgPool {
    let url = format!("{}/postbreeze_{owner}", server.url().expose_secret());
    PgPool::connect(&url).await.unwrap()
}

#[expect(clippy::disallowed_methods, reason = "processes live by the machine's clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
