//! No comment is answered twice, whatever becomes of answers.

use postbreeze_proto::v1::{
    AddSandboxCommentRequest, CommentReplyStatus, CreatePostRequest, ListCommentsRequest,
    PostStatus, RefreshCommentsRequest, ReplyToCommentRequest, SandboxBehavior, SandboxFault,
    SetSandboxBehaviorRequest,
};
use postbreeze_runtime::sabotage::{Mechanism, break_it};
use postbreeze_testkit::{Client, System, draft};

const COMMENTS: usize = 8;

/// The comments under a post that is out.
async fn comments(system: &System, client: &Client) -> (String, Vec<String>) {
    let workspace = client.create_workspace("Acme").await.unwrap();
    let account = client.connect(&workspace.id, "acme").await.unwrap();
    let request = CreatePostRequest { publish_now: true, ..draft("out", &account.id) };
    let post = client.create_post(request).await.unwrap();
    let get = || async {
        let request =
            postbreeze_proto::v1::GetPostRequest { post_id: post.id.clone(), ..Default::default() };
        client.posts().get_post(request).await.unwrap().into_inner().post.unwrap()
    };
    let out = system
        .as_time_passes("the post is out", get, |post| post.status() == PostStatus::Published)
        .await;
    let external_post_id = out.targets[0].external_post_id.clone();
    for number in 0..COMMENTS {
        let request = AddSandboxCommentRequest {
            account_id: account.id.clone(),
            external_post_id: external_post_id.clone(),
            author_handle: "ann".to_owned(),
            body: format!("comment {number}"),
        };
        client.sandbox().add_sandbox_comment(request).await.unwrap();
    }
    let request = RefreshCommentsRequest { workspace_id: workspace.id, ..Default::default() };
    client.comments().refresh_comments(request).await.unwrap();
    let listed = client.comments().list_comments(ListCommentsRequest::default()).await.unwrap();
    let ids = listed.into_inner().comments.into_iter().map(|comment| comment.id);
    (account.id, ids.collect())
}

/// How often the network has each answer, where the answer of each call is lost.
async fn answered_so_often() -> Vec<i64> {
    let system = System::start().await;
    let owner = system.sign_up("owner").await;
    let client = &owner.session;
    let (account_id, comments) = comments(&system, client).await;
    let behavior = SandboxBehavior {
        next_faults: vec![SandboxFault::AnswerLost.into(); COMMENTS],
        ..Default::default()
    };
    let command = SetSandboxBehaviorRequest { account_id, behavior: Some(behavior) };
    client.sandbox().set_sandbox_behavior(command).await.unwrap();
    for comment_id in &comments {
        let request = ReplyToCommentRequest {
            comment_id: comment_id.clone(),
            body: format!("answer to {comment_id}"),
            ..Default::default()
        };
        client.comments().reply_to_comment(request).await.unwrap_err();
    }
    let replies = async || {
        let listed = client.comments().list_comments(ListCommentsRequest::default()).await;
        let listed = listed.unwrap().into_inner().comments;
        listed.into_iter().map(|comment| comment.reply.unwrap().status()).collect::<Vec<_>>()
    };
    let all_sent = |all: &Vec<_>| all.iter().all(|status| *status == CommentReplyStatus::Sent);
    system.as_time_passes("all are answered", replies, all_sent).await;
    sqlx::query_scalar(
        "SELECT count(*) FROM sandbox_calls WHERE accepted AND text LIKE 'answer%' GROUP BY text",
    )
    .fetch_all(system.pool("accounts"))
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_whose_answer_was_lost_is_answered_once() {
    assert_eq!(answered_so_often().await, [1; COMMENTS]);
}

/// The test above would notice answers that are sent again without looking.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_without_looking_is_answered_twice() {
    break_it(Mechanism::Publishing);
    assert!(answered_so_often().await.into_iter().any(|times| times > 1));
}
