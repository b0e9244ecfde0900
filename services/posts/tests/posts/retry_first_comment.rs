use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_proto::{
    status::{Reason, reason_of},
    v1::{
        CreatePostRequest, FirstCommentStatus, Post, PostStatus, RetryFirstCommentRequest,
        SandboxCallKind, SandboxFault,
    },
};
use tonic::Status;
use tonic_types::StatusExt as _;

use crate::support::{
    Client, System, Team, calls, command, disconnect, draft, faults, get, invalid_fields, metadata,
    refused, until, until_eq, with_comment,
};

async fn retry_with(client: &Client, request: RetryFirstCommentRequest) -> Result<Post, Status> {
    Ok(client.posts().retry_first_comment(request).await?.into_inner().post.unwrap())
}

fn request(post: &Post) -> RetryFirstCommentRequest {
    RetryFirstCommentRequest {
        post_id: post.id.clone(),
        target_id: post.targets[0].id.clone(),
        ..Default::default()
    }
}

async fn retry(client: &Client, post: &Post) -> Result<Post, Status> {
    retry_with(client, request(post)).await
}

async fn until_comment(client: &Client, post: &Post, status: FirstCommentStatus) {
    let what = format!("the comment is {}", status.as_str_name());
    until_eq(&what, status, || async {
        get(client, &post.id).await.unwrap().targets[0].first_comment_status()
    })
    .await;
}

/// A published post whose first comment failed.
async fn failed(team: &Team) -> Post {
    let client = &team.owner.session;
    let refused = [SandboxFault::Unspecified, SandboxFault::Refused];
    command(client, &team.account.id, faults(&refused)).await;
    let post = CreatePostRequest { publish_now: true, ..draft("post", &team.account.id) };
    let post = client.create_post(with_comment(post, "first")).await.unwrap();
    until_comment(client, &post, FirstCommentStatus::Failed).await;
    get(client, &post.id).await.unwrap()
}

#[tokio::test]
async fn retry_first_comment_sends_it_again_half_a_minute_later() {
    let system = System::start().await;
    let team = system.team().await;
    let post = failed(&team).await;
    let client = &team.editor.session;
    system.clock.turn(TimeDelta::seconds(29));
    let status = refused(retry(client, &post).await, Reason::Cooldown);
    let wait = status.get_error_details().retry_info().and_then(|info| info.retry_delay);
    assert_eq!(wait, Some(std::time::Duration::from_secs(1)));
    system.clock.turn(TimeDelta::seconds(1));
    let retried = retry(client, &post).await.unwrap();
    assert_eq!(retried.status(), PostStatus::Published);
    assert_eq!(retried.targets[0].first_comment_status(), FirstCommentStatus::Pending);
    assert_ne!(retried.etag, post.etag);
    until_comment(client, &post, FirstCommentStatus::Published).await;
    let calls = calls(client, &team.account.id, SandboxCallKind::Comment).await;
    assert_eq!(calls.iter().filter(|call| call.accepted).count(), 1);
    assert_eq!(get(client, &post.id).await.unwrap().targets[0].first_comment_error, None);
    refused(retry(client, &post).await, Reason::NothingToRetry);
}

#[tokio::test]
async fn retry_first_comment_needs_a_target_that_is_out_and_a_comment_that_failed() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let draft_post =
        client.create_post(with_comment(draft("x", &team.account.id), "first")).await.unwrap();
    let status = refused(retry(client, &draft_post).await, Reason::PostState);
    assert_eq!(metadata(&status, "status").as_deref(), Some("DRAFT"));
    let silent = CreatePostRequest { publish_now: true, ..draft("x", &team.account.id) };
    let silent = client.create_post(silent).await.unwrap();
    let silent = until(client, &silent.id, PostStatus::Published).await;
    refused(retry(client, &silent).await, Reason::NothingToRetry);
    // A target of another post is none of this one.
    let strange = RetryFirstCommentRequest {
        target_id: silent.targets[0].id.clone(),
        ..request(&draft_post)
    };
    let status = refused(retry_with(client, strange).await, Reason::ResourceNotFound);
    assert_eq!(metadata(&status, "resource").as_deref(), Some("target"));
}

#[tokio::test]
async fn retry_first_comment_needs_an_active_account() {
    let system = System::start().await;
    let team = system.team().await;
    let post = failed(&team).await;
    disconnect(&team.owner, &team.account.id).await;
    system.clock.turn(TimeDelta::minutes(1));
    refused(retry(&team.owner.session, &post).await, Reason::AccountNotActive);
}

#[tokio::test]
async fn retry_first_comment_is_for_writers_of_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let post = failed(&team).await;
    system.clock.turn(TimeDelta::minutes(1));
    refused(retry(&team.reviewer.session, &post).await, Reason::RoleInsufficient);
    let stranger = system.sign_up("stranger").await;
    refused(retry(&stranger.session, &post).await, Reason::WorkspaceOutOfReach);
    let bad = RetryFirstCommentRequest {
        post_id: team.account.id.clone(),
        target_id: post.id.clone(),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    let fields = invalid_fields(retry_with(&team.owner.session, bad).await);
    assert_eq!(fields, ["post_id", "request_id", "target_id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn retry_first_comment_at_once_from_many_sends_it_once() {
    let system = System::start().await;
    let team = system.team().await;
    let post = failed(&team).await;
    let client = &team.owner.session;
    system.clock.turn(TimeDelta::minutes(1));
    let with_id = RetryFirstCommentRequest { request_id: "once".to_owned(), ..request(&post) };
    let answers = join_all((0..8).map(|_| retry_with(client, with_id.clone()))).await;
    let others = join_all((0..8).map(|_| retry(client, &post))).await;
    let first = answers.iter().flatten().next();
    for answer in answers.iter().flatten() {
        assert_eq!(Some(answer), first, "the same request has the same answer");
    }
    let refusals = answers.into_iter().chain(others).filter_map(Result::err);
    for status in refusals {
        let reason = reason_of(&status);
        let expected = [Some(Reason::NothingToRetry), Some(Reason::Overloaded)];
        assert!(expected.contains(&reason), "{status:?}");
    }
    until_comment(client, &post, FirstCommentStatus::Published).await;
    let calls = calls(client, &team.account.id, SandboxCallKind::Comment).await;
    assert_eq!(calls.iter().filter(|call| call.accepted).count(), 1);
}
