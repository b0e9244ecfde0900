//! A first comment follows its post, and what becomes of it changes nothing about the post.

use chrono::TimeDelta;
use postbreeze_proto::v1::{
    ErrorClass, FirstCommentStatus, Post, PostStatus, SandboxBehavior, SandboxCallKind,
    SandboxFault, TargetStatus,
};

use crate::support::{
    Client, System, calls, command, delete, draft, faults, get, never_due, scheduled, until,
    until_eq, until_that, with_comment, workspace_of,
};

/// A post with a first comment that is due now.
async fn due(system: &System, client: &Client, account_id: &str) -> Post {
    let request = with_comment(scheduled(system, "post", account_id), "first");
    let post = client.create_post(request).await.unwrap();
    assert_eq!(post.targets[0].first_comment_status(), FirstCommentStatus::Pending);
    system.clock.turn(TimeDelta::days(1));
    post
}

/// Waits until the first comment of a post stands somewhere.
async fn until_comment(client: &Client, post_id: &str, status: FirstCommentStatus) -> Post {
    let what = format!("the comment is {}", status.as_str_name());
    until_eq(&what, status, || async {
        get(client, post_id).await.unwrap().targets[0].first_comment_status()
    })
    .await;
    let post = get(client, post_id).await.unwrap();
    assert_eq!(post.status(), PostStatus::Published);
    assert_eq!(post.targets[0].status(), TargetStatus::Published);
    post
}

/// The texts of the comments that the network received, and whether it has them.
async fn comments(client: &Client, account_id: &str) -> Vec<(String, bool)> {
    let calls = calls(client, account_id, SandboxCallKind::Comment).await;
    calls.into_iter().map(|call| (call.text, call.accepted)).collect()
}

fn said(accepted: &[bool]) -> Vec<(String, bool)> {
    accepted.iter().map(|accepted| ("first".to_owned(), *accepted)).collect()
}

#[tokio::test]
async fn a_first_comment_is_written_under_its_post_once_that_is_out() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let post = due(&system, client, &team.account.id).await;
    let post = until_comment(client, &post.id, FirstCommentStatus::Published).await;
    let calls = calls(client, &team.account.id, SandboxCallKind::Comment).await;
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].text, "first");
    assert_eq!(calls[0].external_post_id, post.targets[0].external_post_id);
    assert_eq!(calls[0].external_id, post.targets[0].external_first_comment_id);
    assert_eq!(post.targets[0].first_comment_error, None);
    let silent = client.create_post(draft("x", &team.account.id)).await.unwrap();
    assert_eq!(silent.targets[0].first_comment_status(), FirstCommentStatus::Unspecified);
}

#[tokio::test]
async fn a_first_comment_that_is_refused_leaves_its_post_published() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let refused = [SandboxFault::Unspecified, SandboxFault::Refused];
    command(client, &team.account.id, faults(&refused)).await;
    let post = due(&system, client, &team.account.id).await;
    let post = until_comment(client, &post.id, FirstCommentStatus::Failed).await;
    let error = post.targets[0].first_comment_error.clone().unwrap();
    assert_eq!((error.code.as_str(), error.class()), ("refused", ErrorClass::Permanent));
    assert_eq!(post.targets[0].error, None);
    assert_eq!(post.targets[0].attempt_count, 1);
    assert_eq!(comments(client, &team.account.id).await, said(&[false]));
}

#[tokio::test]
async fn a_first_comment_is_tried_again_when_that_can_help() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let busy = [SandboxFault::Unspecified, SandboxFault::ServerError];
    command(client, &team.account.id, faults(&busy)).await;
    let post = due(&system, client, &team.account.id).await;
    until_that(
        "it was tried",
        || async { get(client, &post.id).await.unwrap().targets.remove(0) },
        |target| {
            target.first_comment_error.as_ref().is_some_and(|error| error.code == "server_error")
        },
    )
    .await;
    system.clock.turn(TimeDelta::seconds(40));
    until_comment(client, &post.id, FirstCommentStatus::Published).await;
    assert_eq!(comments(client, &team.account.id).await, said(&[false, true]));
}

#[tokio::test]
async fn a_first_comment_whose_answer_was_lost_is_looked_for() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for (fault, wanted) in
        [(SandboxFault::AnswerLost, &[true][..]), (SandboxFault::RequestLost, &[false, true])]
    {
        let (_, account) = workspace_of(&team.owner, fault.as_str_name()).await;
        command(client, &account.id, faults(&[SandboxFault::Unspecified, fault])).await;
        let post = due(&system, client, &account.id).await;
        until_comment(client, &post.id, FirstCommentStatus::Unknown).await;
        system.clock.turn(TimeDelta::seconds(6));
        let post = until_comment(client, &post.id, FirstCommentStatus::Published).await;
        assert!(!post.targets[0].external_first_comment_id.is_empty());
        assert_eq!(comments(client, &account.id).await, said(wanted));
    }
}

#[tokio::test]
async fn a_first_comment_that_cannot_be_found_out_fails_as_that() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let behavior = SandboxBehavior {
        hides_posts: true,
        ..faults(&[SandboxFault::Unspecified, SandboxFault::AnswerLost])
    };
    command(client, &team.account.id, behavior).await;
    let post = due(&system, client, &team.account.id).await;
    until_comment(client, &post.id, FirstCommentStatus::Unknown).await;
    system.clock.turn(TimeDelta::seconds(6));
    until_that(
        "it was looked for",
        || async { get(client, &post.id).await.unwrap().targets.remove(0) },
        |target| {
            target.first_comment_error.as_ref().is_some_and(|error| error.code == "undecidable")
        },
    )
    .await;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    system.clock.turn(TimeDelta::days(2));
    never_due(client, &other.id).await;
    let post = until_comment(client, &post.id, FirstCommentStatus::Failed).await;
    let error = post.targets[0].first_comment_error.clone().unwrap();
    assert_eq!(error.class(), ErrorClass::Unknown);
    assert_eq!(comments(client, &team.account.id).await, said(&[true]));
}

#[tokio::test]
async fn nothing_more_is_said_under_a_post_that_was_deleted() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (_, other) = workspace_of(&team.owner, "globex").await;
    let busy = [SandboxFault::Unspecified, SandboxFault::ServerError];
    command(client, &team.account.id, faults(&busy)).await;
    let post = due(&system, client, &team.account.id).await;
    until(client, &post.id, PostStatus::Published).await;
    until_that(
        "it was tried",
        || async { get(client, &post.id).await.unwrap().targets.remove(0).first_comment_error },
        Option::is_some,
    )
    .await;
    delete(client, &post.id).await.unwrap();
    system.clock.turn(TimeDelta::days(1));
    never_due(client, &other.id).await;
    assert_eq!(comments(client, &team.account.id).await, said(&[false]));
}
