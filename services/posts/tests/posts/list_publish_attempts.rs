use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ErrorClass, ListPublishAttemptsRequest, ListPublishAttemptsResponse, Post, PostStatus,
        PublishAttempt, PublishAttemptStatus as Status, SandboxFault, SchedulePostRequest,
    },
};

use crate::support::{
    Client, System, command, draft, faults, invalid_fields, refused, retry, schedule_post, until,
    until_that,
};

async fn list(
    client: &Client,
    post_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListPublishAttemptsResponse, tonic::Status> {
    let request = ListPublishAttemptsRequest {
        post_id: post_id.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
        ..Default::default()
    };
    Ok(client.posts().list_publish_attempts(request).await?.into_inner())
}

/// Tries to publish a post once more, and answers the attempt once it has this status.
async fn attempt(
    client: &Client,
    post: &Post,
    fault: SandboxFault,
    status: Status,
) -> PublishAttempt {
    let before = list(client, &post.id, 0, "").await.unwrap().attempts.len();
    command(client, &post.targets[0].account_id, faults(&[fault])).await;
    if before == 0 {
        let request = SchedulePostRequest {
            post_id: post.id.clone(),
            publish_now: true,
            ..Default::default()
        };
        schedule_post(client, request).await.unwrap();
    } else {
        retry(client, &post.id).await.unwrap();
    }
    let attempts = || async { list(client, &post.id, 0, "").await.unwrap().attempts };
    let mut seen = until_that(&format!("attempt {} is {status:?}", before + 1), attempts, |all| {
        all.len() == before + 1 && all[0].status() == status
    })
    .await;
    seen.remove(0)
}

#[tokio::test]
async fn list_publish_attempts_tells_what_was_tried_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let (client, owner) = (&team.reviewer.session, &team.owner.session);
    let post = owner.create_post(draft("x", &team.account.id)).await.unwrap();
    let other = owner.create_post(draft("y", &team.account.id)).await.unwrap();
    assert_eq!(list(client, &post.id, 0, "").await.unwrap().attempts, []);
    attempt(owner, &other, SandboxFault::Unspecified, Status::Published).await;
    let mut wanted = Vec::new();
    for (fault, status) in [
        (SandboxFault::Refused, Status::Failed),
        (SandboxFault::Refused, Status::Failed),
        (SandboxFault::AnswerLost, Status::Unknown),
    ] {
        system.clock.turn(TimeDelta::seconds(1));
        wanted.insert(0, attempt(owner, &post, fault, status).await);
    }
    let all = list(client, &post.id, 0, "").await.unwrap();
    let ids = |all: &[PublishAttempt]| all.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&all.attempts), ids(&wanted));
    assert_eq!(all.next_page_token, "");
    let first = all.attempts.last().unwrap();
    assert_eq!(first.workspace_id, team.workspace.id);
    assert_eq!(first.post_id, post.id);
    assert_eq!(first.target_id, post.targets[0].id);
    assert_eq!(first.account_id, team.account.id);
    assert_eq!(first.attempt_number, 1);
    assert_eq!(first.status(), Status::Failed);
    assert_eq!(first.error.as_ref().unwrap().class(), ErrorClass::Permanent);
    // Found by looking, it is out.
    system.clock.turn(TimeDelta::seconds(6));
    until(owner, &post.id, PostStatus::Published).await;
    let last = list(client, &post.id, 0, "").await.unwrap().attempts.remove(0);
    assert_eq!((last.id, last.attempt_number), (wanted[0].id.clone(), 3));
    assert_eq!((last.error, last.status), (None, Status::Published.into()));
}

#[tokio::test]
async fn list_publish_attempts_pages_and_checks_its_tokens() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = client.create_post(draft("x", &team.account.id)).await.unwrap();
    let other = client.create_post(draft("y", &team.account.id)).await.unwrap();
    let mut wanted = Vec::new();
    for _ in 1..=5 {
        system.clock.turn(TimeDelta::seconds(1));
        wanted.insert(0, attempt(client, &post, SandboxFault::Refused, Status::Failed).await.id);
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    for page_size in [1, 2, 50] {
        let page = list(client, &post.id, page_size, &token).await.unwrap();
        seen.extend(page.attempts.into_iter().map(|attempt| attempt.id));
        token = page.next_page_token;
        // One that comes meanwhile is not below.
        system.clock.turn(TimeDelta::seconds(1));
        attempt(client, &post, SandboxFault::Refused, Status::Failed).await;
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
