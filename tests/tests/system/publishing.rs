//! Nothing is published twice, whatever becomes of answers.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use postbreeze_proto::{
    time::to_proto,
    v1::{
        CreatePostRequest, ListPostsRequest, PostStatus, SandboxBehavior, SandboxFault,
        SetSandboxBehaviorRequest,
    },
};
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_testkit::{System, User, draft};

/// Posts of the owner, as many as its plan allows.
const POSTS: usize = 20;

async fn published(owner: &User) -> usize {
    let request =
        ListPostsRequest { status: vec![PostStatus::Published.into()], ..Default::default() };
    owner.session.posts().list_posts(request).await.unwrap().into_inner().posts.len()
}

/// How often the network has each of twenty posts whose answers are lost as often as not.
async fn published_so_often() -> Vec<i64> {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    for name in ["Acme", "Globex", "Initech", "Umbrella"] {
        let workspace = owner.session.create_workspace(name).await.unwrap();
        let account = owner.session.connect(&workspace.id, name).await.unwrap();
        let next_faults = [SandboxFault::AnswerLost, SandboxFault::Unspecified].map(i32::from);
        let behavior = SandboxBehavior {
            next_faults: next_faults.into_iter().cycle().take(20).collect(),
            ..Default::default()
        };
        let command =
            SetSandboxBehaviorRequest { account_id: account.id.clone(), behavior: Some(behavior) };
        owner.session.sandbox().set_sandbox_behavior(command).await.unwrap();
        for number in 0..POSTS / 4 {
            let request = CreatePostRequest {
                scheduled_for: Some(to_proto(system.clock.now() + TimeDelta::days(1))),
                ..draft(&format!("{name} {number}"), &account.id)
            };
            owner.session.create_post(request).await.unwrap();
        }
    }
    system.clock.turn(TimeDelta::days(1));
    // What is to be looked for is due a few seconds later.
    system.as_time_passes("all are out", || published(&owner), |out| *out == POSTS).await;
    let received: Vec<(String, i64)> =
        sqlx::query_as("SELECT text, count(*) FROM sandbox_calls WHERE accepted GROUP BY text")
            .fetch_all(system.pool("accounts"))
            .await
            .unwrap();
    let received: BTreeMap<String, i64> = received.into_iter().collect();
    assert_eq!(received.len(), POSTS, "each is out");
    received.into_values().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_whose_answer_was_lost_is_published_once() {
    assert_eq!(published_so_often().await, [1; POSTS]);
}

/// The test above would notice a publisher that sends again without looking.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_without_looking_is_published_twice() {
    break_it(Mechanism::Publishing);
    assert!(published_so_often().await.into_iter().any(|times| times > 1));
}
