//! Processes that are killed lose nothing that was acknowledged, and no unit of the cap.

use std::{collections::BTreeSet, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    time::to_proto,
    v1::{
        CancelPostRequest, CreatePostRequest, GetMeRequest, GetUsageRequest, ListPostsRequest,
        PostStatus,
    },
};
use postbreeze_testkit::{Client, User, draft};
use postbreeze_tests::processes::Processes;
use tonic::{Code, Status};

use crate::{
    client::insist,
    server::{Directory, postgres},
};

/// What the FREE plan allows in a month.
const CAP: usize = 20;

/// In the middle of the month after next: in one month, whenever the test runs.
#[expect(clippy::disallowed_methods, reason = "processes live by the machine's clock")]
fn some_day() -> DateTime<Utc> {
    let ahead = Utc::now() + TimeDelta::days(62);
    let day = chrono::Datelike::with_day(&ahead, 15);
    day.expect("every month has a 15th")
}

async fn create(client: &Client, account_id: &str, number: usize) -> Result<String, Status> {
    let request = CreatePostRequest {
        scheduled_for: Some(to_proto(some_day())),
        request_id: format!("create-{number}"),
        ..draft("text", account_id)
    };
    insist(|| client.create_post(request.clone())).await.map(|post| post.id)
}

async fn cancel(client: &Client, post_id: &str) {
    let request = CancelPostRequest { post_id: post_id.to_owned(), ..Default::default() };
    let canceled = insist(|| async { client.posts().cancel_post(request.clone()).await }).await;
    if let Err(status) = canceled {
        // The first answer was lost with the process that gave it.
        assert_eq!(reason_of(&status), Some(Reason::PostState), "{status:?}");
    }
}

async fn kill_again_and_again(processes: &mut Processes, service: &'static str) {
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(150)).await;
        processes.kill(service).await;
        processes.launch(service);
        processes.until_ready(service).await;
    }
}

async fn scheduled(owner: &User) -> BTreeSet<String> {
    let request = ListPostsRequest {
        status: vec![PostStatus::Scheduled.into()],
        page_size: 200,
        ..Default::default()
    };
    let listed = insist(|| async { owner.session.posts().list_posts(request.clone()).await }).await;
    listed.unwrap().into_inner().posts.into_iter().map(|post| post.id).collect()
}

#[tokio::test]
async fn kills_neither_oversell_the_cap_nor_lose_what_was_acknowledged() {
    let directory = Directory::new("crashes");
    let server = postgres(&directory).await;
    let mut processes = Processes::start(server.url(), directory.path(), &[]).await;
    let owner = processes.front().sign_up("owner").await;
    let mut accounts = Vec::new();
    for name in ["Acme", "Globex", "Initech"] {
        let workspace = owner.session.create_workspace(name).await.unwrap();
        accounts.push(owner.session.connect(&workspace.id, name).await.unwrap().id);
    }

    let client = owner.session.clone();
    let creating =
        join_all((0..60).map(|number| create(&client, &accounts[number % accounts.len()], number)));
    let (created, ()) = tokio::join!(creating, kill_again_and_again(&mut processes, "posts"));
    let mut acknowledged = BTreeSet::new();
    for answer in created {
        match answer {
            Ok(id) => assert!(acknowledged.insert(id), "two requests were answered with one post"),
            Err(status) => {
                assert_eq!(reason_of(&status), Some(Reason::PlanLimitPosts), "{status:?}");
            }
        }
    }
    assert_eq!(acknowledged.len(), CAP);
    assert_eq!(scheduled(&owner).await, acknowledged);
    assert_eq!(units(&server).await, i64::try_from(CAP).unwrap());

    let half: Vec<String> = acknowledged.iter().take(CAP / 2).cloned().collect();
    let canceling = join_all(half.iter().map(|id| cancel(&client, id)));
    tokio::join!(canceling, kill_again_and_again(&mut processes, "posts"));
    let left: BTreeSet<String> = acknowledged.iter().skip(CAP / 2).cloned().collect();
    assert_eq!(scheduled(&owner).await, left);
    assert_eq!(units(&server).await, i64::try_from(left.len()).unwrap());
    let usage = owner.session.billing().get_usage(GetUsageRequest::default()).await;
    assert_eq!(usage.unwrap().into_inner().usage.unwrap().posts_used, 0, "of this month");
}

/// Units held, as the counters have it. Equal to the posts that hold one, or the test fails here.
async fn units(server: &postbreeze_embedded_postgres::EmbeddedPostgres) -> i64 {
    use secrecy::ExposeSecret as _;
    let url = format!("{}/postbreeze_posts", server.url().expose_secret());
    let pool = sqlx::PgPool::connect(&url).await.unwrap();
    let counted: i64 = sqlx::query_scalar("SELECT COALESCE(sum(units), 0)::BIGINT FROM post_usage")
        .fetch_one(&pool)
        .await
        .unwrap();
    let held: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM posts
        WHERE charged_month IS NOT NULL
            AND status IN ('scheduled', 'publishing', 'partially_published', 'published')",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    let charged: i64 =
        sqlx::query_scalar("SELECT count(*) FROM posts WHERE charged_month IS NOT NULL")
            .fetch_one(&pool)
            .await
            .unwrap();
    pool.close().await;
    assert_eq!((counted, charged), (held, held));
    counted
}

#[tokio::test]
async fn a_service_that_is_gone_or_stands_still_costs_its_callers_no_more_than_their_deadline() {
    let directory = Directory::new("gone");
    let server = postgres(&directory).await;
    let mut processes = Processes::start(server.url(), directory.path(), &[]).await;
    let owner = processes.front().sign_up("owner").await;
    let ask = async |owner: &User| {
        let started = std::time::Instant::now();
        let mut request = tonic::Request::new(GetMeRequest {});
        request.set_timeout(Duration::from_secs(2));
        let answer = owner.session.users().get_me(request).await;
        (answer.map(tonic::Response::into_inner), started.elapsed())
    };
    postbreeze_tests::processes::send_signal("STOP", processes.pid("identity")).await;
    let (answer, took) = ask(&owner).await;
    let code = answer.unwrap_err().code();
    assert!(matches!(code, Code::DeadlineExceeded | Code::Unavailable), "{code:?}");
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    postbreeze_tests::processes::send_signal("CONT", processes.pid("identity")).await;
    insist(|| async { ask(&owner).await.0 }).await.unwrap();

    processes.kill("identity").await;
    let (answer, took) = ask(&owner).await;
    let status = answer.unwrap_err();
    assert_eq!(reason_of(&status), Some(Reason::SourceUnreachable), "{status:?}");
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    processes.launch("identity");
    processes.until_ready("identity").await;
    insist(|| async { ask(&owner).await.0 }).await.unwrap();
}
