//! Comments, as somebody on a network writes them, and what is done with them here.

use postbreeze_proto::v1::{
    AddSandboxCommentRequest, Comment, CreatePostRequest, GetCommentRequest, ListCommentsRequest,
    Post, PostStatus, RefreshCommentsRequest, RefreshCommentsResponse, ReplyToCommentRequest,
    SandboxCall, SandboxCallKind,
};
use postbreeze_testkit::{Client, draft};
use tonic::Status;

use super::{calls, until};

/// A post that is out. Answers the network's own id of it too.
pub(crate) async fn published(client: &Client, account_id: &str) -> (Post, String) {
    let request = CreatePostRequest { publish_now: true, ..draft("out", account_id) };
    let post = client.create_post(request).await.unwrap();
    let post = until(client, &post.id, PostStatus::Published).await;
    let external_id = post.targets[0].external_post_id.clone();
    (post, external_id)
}

/// Somebody comments on a post. Answers the network's own id of the comment. `client`: a connector.
pub(crate) async fn comment_on(
    client: &Client,
    account_id: &str,
    external_post_id: &str,
    author: &str,
    body: &str,
) -> String {
    let request = AddSandboxCommentRequest {
        account_id: account_id.to_owned(),
        external_post_id: external_post_id.to_owned(),
        author_handle: author.to_owned(),
        body: body.to_owned(),
    };
    client.sandbox().add_sandbox_comment(request).await.unwrap().into_inner().external_comment_id
}

pub(crate) async fn refresh(
    client: &Client,
    workspace_id: &str,
) -> Result<RefreshCommentsResponse, Status> {
    let request =
        RefreshCommentsRequest { workspace_id: workspace_id.to_owned(), ..Default::default() };
    Ok(client.comments().refresh_comments(request).await?.into_inner())
}

/// All comments in reach, newest first by the network's time.
pub(crate) async fn inbox(client: &Client) -> Vec<Comment> {
    let answer = client.comments().list_comments(ListCommentsRequest::default()).await;
    answer.unwrap().into_inner().comments
}

/// A comment of an account's post, in the inbox. Answers its id.
pub(crate) async fn written(client: &Client, workspace_id: &str, account_id: &str) -> String {
    let (_, post) = published(client, account_id).await;
    comment_on(client, account_id, &post, "ann", "nice").await;
    assert_eq!(refresh(client, workspace_id).await.unwrap().new_count, 1);
    inbox(client).await.remove(0).id
}

pub(crate) async fn ask_again(client: &Client, comment_id: &str) -> Comment {
    let request = GetCommentRequest { comment_id: comment_id.to_owned(), ..Default::default() };
    client.comments().get_comment(request).await.unwrap().into_inner().comment.unwrap()
}

pub(crate) async fn reply(
    client: &Client,
    comment_id: &str,
    body: &str,
) -> Result<Comment, Status> {
    reply_once(client, comment_id, body, "").await
}

pub(crate) async fn reply_once(
    client: &Client,
    comment_id: &str,
    body: &str,
    request_id: &str,
) -> Result<Comment, Status> {
    let request = ReplyToCommentRequest {
        comment_id: comment_id.to_owned(),
        workspace_id: "any".to_owned(),
        body: body.to_owned(),
        request_id: request_id.to_owned(),
    };
    Ok(client.comments().reply_to_comment(request).await?.into_inner().comment.unwrap())
}

/// The answers that the network received for an account, the oldest first.
pub(crate) async fn answers(client: &Client, account_id: &str) -> Vec<SandboxCall> {
    calls(client, account_id, SandboxCallKind::Comment).await
}
