//! A target that cannot be moved on, or whose account may not begin anything, costs nobody else a poll.

use chrono::TimeDelta;
use futures_util::{StreamExt as _, stream};
use postbreeze_ids::PostId;
use postbreeze_proto::v1::{Plan, Post, PostStatus, SandboxBehavior, SandboxFault};

use crate::support::{
    Client, System, User, accepted, change_plan, command, eventually, faults, get, held, never_due,
    scheduled, sent, until, workspace_of,
};

const DAY: TimeDelta = TimeDelta::days(1);

async fn schedule_many(system: &System, owner: &User, account_id: &str, count: usize) -> Vec<Post> {
    change_plan(owner, Plan::Enterprise).await;
    stream::iter(0..count)
        .map(|number| async move {
            let request = scheduled(system, &format!("post {number:03}"), account_id);
            owner.session.create_post(request).await.unwrap()
        })
        .buffered(8)
        .collect()
        .await
}

/// The earliest time at which a target of an account is due.
async fn next_due(system: &System, account_id: &str) -> chrono::DateTime<chrono::Utc> {
    let id: postbreeze_ids::AccountId = account_id.parse().unwrap();
    sqlx::query_scalar("SELECT min(due_time) FROM post_targets WHERE account_id = $1")
        .bind(id.uuid())
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_that_cannot_be_read_are_put_off_and_everybody_elses_go_out() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, account) = workspace_of(&ann, "acme").await;
    let bob = system.sign_up("bob").await;
    let (_, other) = workspace_of(&bob, "globex").await;
    let posts = schedule_many(&system, &ann, &account.id, 262).await;
    // As a version to come may write them.
    sqlx::query("UPDATE post_targets SET options = '\\xff'")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    system.clock.turn(DAY);
    never_due(&bob.session, &other.id).await;
    eventually("each is put off", || async {
        next_due(&system, &account.id).await >= system.clock.now() + TimeDelta::minutes(1)
    })
    .await;
    assert_eq!(sent(&ann.session, &account.id).await, [""; 0]);
    sqlx::query("UPDATE post_targets SET options = ''")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    system.clock.turn(TimeDelta::hours(1));
    for post in &posts {
        until(&ann.session, &post.id, PostStatus::Published).await;
    }
}

/// A row that the database does not take fails the transaction of the whole batch.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_whose_end_cannot_be_written_is_put_off_and_everybody_elses_go_out() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, account) = workspace_of(&ann, "acme").await;
    let bob = system.sign_up("bob").await;
    let (_, other) = workspace_of(&bob, "globex").await;
    let post = ann.session.create_post(scheduled(&system, "x", &account.id)).await.unwrap();
    let id: PostId = post.id.parse().unwrap();
    // Its account is gone, and the counter of its unit does not allow to give it back.
    sqlx::query(
        "INSERT INTO disconnected_accounts (bucket, account_id, disconnect_time)
        SELECT bucket, account_id, $2 FROM post_targets WHERE post_id = $1",
    )
    .bind(id.uuid())
    .bind(system.clock.now())
    .execute(system.pool("posts"))
    .await
    .unwrap();
    sqlx::query("UPDATE post_usage SET units = 0").execute(system.pool("posts")).await.unwrap();
    let others = schedule_many(&system, &bob, &other.id, 3).await;
    system.clock.turn(DAY);
    for other in &others {
        until(&bob.session, &other.id, PostStatus::Published).await;
    }
    assert_eq!(get(&ann.session, &post.id).await.unwrap().status(), PostStatus::Scheduled);
    sqlx::query("UPDATE post_usage SET units = units + 1 WHERE units = 0")
        .execute(system.pool("posts"))
        .await
        .unwrap();
    system.clock.turn(TimeDelta::hours(1));
    until(&ann.session, &post.id, PostStatus::Canceled).await;
    assert_eq!(held(&system).await, 3);
}

/// The network of one account wants to be left alone, and hundreds of its posts are due before anybody else's.
#[tokio::test(flavor = "multi_thread")]
async fn posts_of_an_account_that_is_left_alone_are_passed_over_and_go_out_later() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (_, account) = workspace_of(&ann, "acme").await;
    let bob = system.sign_up("bob").await;
    let (_, other) = workspace_of(&bob, "globex").await;
    let behavior = SandboxBehavior {
        retry_after: Some(prost_types::Duration { seconds: 600, nanos: 0 }),
        ..faults(&[SandboxFault::RateLimited; 4])
    };
    command(&ann.session, &account.id, behavior).await;
    let posts = schedule_many(&system, &ann, &account.id, 600).await;
    system.clock.turn(DAY);
    let received = || async { sent(&ann.session, &account.id).await.len() };
    eventually("the network has asked for time", || async { received().await > 0 }).await;
    never_due(&bob.session, &other.id).await;
    never_due(&bob.session, &other.id).await;
    assert!(received().await <= 4, "the account is left alone");
    system.clock.turn(TimeDelta::minutes(10));
    all_out(&ann.session, &account.id, posts.len()).await;
    assert_eq!(held(&system).await, 602);
}

async fn all_out(client: &Client, account_id: &str, count: usize) {
    eventually("all are out", || async { accepted(client, account_id).await.len() == count }).await;
}
