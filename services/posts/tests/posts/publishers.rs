//! Several publishers, and what they need of others.

use chrono::TimeDelta;
use postbreeze_posts::MIGRATOR;
use postbreeze_proto::v1::{
    Plan, PostStatus, SandboxBehavior, SandboxFault, TargetStatus, UpdatePostRequest,
};
use postbreeze_runtime::health;
use postbreeze_testkit::postgres::database;

use crate::support::{
    Replica, System, accepted, change_plan, command, due, get, held, list, scheduled, sent, until,
    until_eq, until_that, update_post, workspace_of,
};

#[tokio::test(flavor = "multi_thread")]
async fn three_publishers_on_one_database_send_each_post_once() {
    let system = System::start().await;
    let (_, own) = system.databases.iter().find(|(owner, _)| *owner == "posts").unwrap();
    let replicas = [Replica::start(&system, own), Replica::start(&system, own)];
    let owner = system.sign_up("owner").await;
    change_plan(&owner, Plan::Enterprise).await;
    let client = &owner.session;
    let mut wanted = Vec::new();
    let mut accounts = Vec::new();
    for number in 0..10 {
        let (_, account) = workspace_of(&owner, &format!("acme{number}")).await;
        // Some sendings fail, some are lost, one way or the other.
        let faults =
            [SandboxFault::ServerError, SandboxFault::AnswerLost, SandboxFault::RequestLost];
        let behavior = SandboxBehavior {
            fault_percent: 30,
            random_faults: faults.map(i32::from).to_vec(),
            ..Default::default()
        };
        command(client, &account.id, behavior).await;
        for post in 0..15 {
            let content = format!("post {number} {post:02}");
            client.create_post(scheduled(&system, &content, &account.id)).await.unwrap();
            wanted.push(content);
        }
        accounts.push(account.id);
    }
    system.clock.turn(TimeDelta::days(1));
    // Those that wait to be tried again, or to be looked for, are due soon.
    let open = || async {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM posts WHERE status <> 'published'")
            .fetch_one(system.pool("posts"))
            .await
            .unwrap()
    };
    system.as_time_passes("all are out", open, |open| *open == 0).await;
    let mut out = Vec::new();
    for account in &accounts {
        out.extend(accepted(client, account).await);
    }
    assert_eq!(out, wanted);
    assert_eq!(held(&system).await, 150);
    for replica in replicas {
        replica.stop().await;
    }
}

#[tokio::test]
async fn while_accounts_cannot_be_reached_nothing_is_tried() {
    let system = System::start().await;
    // A publisher that is alone with its posts.
    let own = database("posts", &MIGRATOR).await;
    let replica = Replica::start(&system, &own);
    let ann = replica.front(&system).sign_up("ann").await;
    let client = &ann.session;
    let (_, account) = workspace_of(&ann, "acme").await;
    let post = client.create_post(scheduled(&system, "x", &account.id)).await.unwrap();
    let publisher = || replica.says("publisher");
    until_eq("it says that it can send", true, publisher).await;
    replica.cut(true);
    until_eq("it says that it cannot send", false, publisher).await;
    assert!(health::is_serving(&replica.service).await);
    // Posts can be read and written all the same.
    assert_eq!(get(client, &post.id).await.unwrap(), post);
    assert_eq!(list(client).await, std::slice::from_ref(&post));
    let update = UpdatePostRequest {
        post_id: post.id.clone(),
        content: "written without accounts".to_owned(),
        ..Default::default()
    };
    update_post(client, update).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    let asked = replica.refused();
    until_that("it has looked again", || async { replica.refused() }, |seen| *seen > asked + 3)
        .await;
    let waiting = get(client, &post.id).await.unwrap();
    assert_eq!((waiting.status(), waiting.targets[0].attempt_count), (PostStatus::Scheduled, 0));
    replica.cut(false);
    let published = until(client, &post.id, PostStatus::Published).await;
    assert_eq!(published.targets[0].attempt_count, 1);
    until_eq("it says that it can send", true, publisher).await;
    assert_eq!(sent(client, &account.id).await, ["written without accounts"]);
    replica.stop().await;
}

#[tokio::test]
async fn what_is_under_way_when_a_process_stops_is_looked_for_by_the_next() {
    let system = System::start().await;
    let own = database("posts", &MIGRATOR).await;
    let replica = Replica::start(&system, &own);
    let ann = replica.front(&system).sign_up("ann").await;
    let client = &ann.session;
    let (_, account) = workspace_of(&ann, "acme").await;
    let behavior = SandboxBehavior {
        delay: Some(prost_types::Duration { seconds: 20, nanos: 0 }),
        ..Default::default()
    };
    command(client, &account.id, behavior).await;
    let post = due(&system, client, "slow", &account.id).await;
    until_that("it was sent", || sent(client, &account.id), |all| all.len() == 1).await;
    replica.stop().await;
    // Its answer was not awaited to the end, and that was written down before the end.
    let left = get(client, &post.id).await.unwrap();
    assert_eq!(left.targets[0].status(), TargetStatus::Unknown);
    command(client, &account.id, SandboxBehavior::default()).await;
    let next = Replica::start(&system, &own);
    system.clock.turn(TimeDelta::seconds(10));
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(sent(client, &account.id).await, ["slow"]);
    next.stop().await;
}
