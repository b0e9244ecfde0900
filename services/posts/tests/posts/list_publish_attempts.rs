use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ErrorClass, ListPublishAttemptsRequest, ListPublishAttemptsResponse, PublishAttemptStatus,
    },
};
use tonic::Status;

use crate::support::{Client, System, add_attempt, draft, invalid_fields, refused};

async fn list(
    client: &Client,
    post_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListPublishAttemptsResponse, Status> {
    let request = ListPublishAttemptsRequest {
        post_id: post_id.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    Ok(client.posts().list_publish_attempts(request).await?.into_inner())
}

#[tokio::test]
async fn list_publish_attempts_tells_what_was_tried_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.reviewer.session;
    let post = team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let other = team.owner.session.create_post(draft("y", &team.account.id)).await.unwrap();
    assert_eq!(list(client, &post.id, 0, "").await.unwrap().attempts, []);
    add_attempt(&system, &other, 1, "published").await;
    let mut wanted = Vec::new();
    for (number, status) in [(1, "failed"), (2, "unknown"), (3, "published"), (4, "in_flight")] {
        system.clock.turn(TimeDelta::seconds(1));
        wanted.insert(0, add_attempt(&system, &post, number, status).await);
    }
    let all = list(client, &post.id, 0, "").await.unwrap();
    let ids: Vec<_> = all.attempts.iter().map(|attempt| attempt.id.clone()).collect();
    assert_eq!(ids, wanted);
    assert_eq!(all.next_page_token, "");
    let first = all.attempts.last().unwrap();
    assert_eq!(first.workspace_id, team.workspace.id);
    assert_eq!(first.post_id, post.id);
    assert_eq!(first.target_id, post.targets[0].id);
    assert_eq!(first.account_id, team.account.id);
    assert_eq!(first.attempt_number, 1);
    assert_eq!(first.status(), PublishAttemptStatus::Failed);
    assert_eq!(first.error.as_ref().unwrap().class(), ErrorClass::Transient);
    assert_eq!(all.attempts[1].error, None);
}

#[tokio::test]
async fn list_publish_attempts_pages_and_checks_its_tokens() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let other = client.create_post(draft("y", &team.account.id)).await.unwrap();
    let mut wanted = Vec::new();
    for number in 1..=5 {
        system.clock.turn(TimeDelta::seconds(1));
        wanted.insert(0, add_attempt(&system, &post, number, "failed").await);
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    for page_size in [1, 2, 50] {
        let page = list(client, &post.id, page_size, &token).await.unwrap();
        seen.extend(page.attempts.into_iter().map(|attempt| attempt.id));
        token = page.next_page_token;
        // One that comes meanwhile is not below.
        system.clock.turn(TimeDelta::seconds(1));
        add_attempt(&system, &post, 9, "failed").await;
    }
    assert_eq!(seen, wanted);
    assert_eq!(token, "");
    let token = list(client, &post.id, 1, "").await.unwrap().next_page_token;
    let other_end = if token.ends_with('A') { 'B' } else { 'A' };
    let altered = format!("{}{other_end}", &token[..token.len() - 1]);
    for (client, post_id, token) in [
        (client, &post.id, altered.as_str()),
        (client, &post.id, "x"),
        (client, &other.id, &token),
        (&team.admin.session, &post.id, &token),
    ] {
        refused(list(client, post_id, 1, token).await, Reason::PageTokenInvalid);
    }
    assert_eq!(invalid_fields(list(client, "x", -1, "").await), ["page_size", "post_id"]);
}
