use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{Comment, MarkCommentReadRequest},
};
use tonic::Status;

use crate::support::{Client, System, after, invalid_fields, read_only_key, refused, written};

async fn mark(client: &Client, comment_id: &str, read: Option<bool>) -> Result<Comment, Status> {
    let request =
        MarkCommentReadRequest { comment_id: comment_id.to_owned(), read, ..Default::default() };
    Ok(client.comments().mark_comment_read(request).await?.into_inner().comment.unwrap())
}

#[tokio::test]
async fn mark_comment_read_keeps_the_first_time_until_it_is_unread_again() {
    let system = System::start().await;
    let team = system.team().await;
    let id = written(&team.owner.session, &team.workspace.id, &team.account.id).await;
    let first = after(&system, TimeDelta::zero());
    for user in [&team.reviewer, &team.editor, &team.admin, &team.owner] {
        let comment = mark(&user.session, &id, None).await.unwrap();
        assert_eq!(comment.read_time, first);
        system.clock.turn(TimeDelta::minutes(1));
    }
    let unread = mark(&team.owner.session, &id, Some(false)).await.unwrap();
    assert_eq!(unread.read_time, None);
    let again = mark(&team.owner.session, &id, Some(true)).await.unwrap();
    assert_eq!(again.read_time, after(&system, TimeDelta::zero()));
}

#[tokio::test]
async fn mark_comment_read_is_for_those_who_reach_it_and_may_write() {
    let system = System::start().await;
    let team = system.team().await;
    let id = written(&team.owner.session, &team.workspace.id, &team.account.id).await;
    let reading = read_only_key(&team.owner).await;
    refused(mark(&reading, &id, None).await, Reason::KeyReadOnly);
    let stranger = system.sign_up("stranger").await;
    refused(mark(&stranger.session, &id, None).await, Reason::WorkspaceOutOfReach);
    let unknown = "cmt_01jzzzzzzzfzzr0000000000zz";
    refused(mark(&reading, unknown, None).await, Reason::ResourceNotFound);
    assert_eq!(invalid_fields(mark(&reading, "x", None).await), ["comment_id"]);
}
