use postbreeze_proto::{
    status::Reason,
    v1::{Comment, GetCommentRequest, Platform},
};
use tonic::Status;

use crate::support::{
    Client, System, after, answers, invalid_fields, read_only_key, refused, reply, workspace_of,
    written,
};

async fn get(client: &Client, comment_id: &str) -> Result<Comment, Status> {
    let request =
        GetCommentRequest { comment_id: comment_id.to_owned(), workspace_id: "any".to_owned() };
    Ok(client.comments().get_comment(request).await?.into_inner().comment.unwrap())
}

#[tokio::test]
async fn get_comment_shows_one_to_every_role() {
    let system = System::start().await;
    let team = system.team().await;
    let id = written(&team.owner.session, &team.workspace.id, &team.account.id).await;
    let reading = read_only_key(&team.reviewer).await;
    let sessions =
        [&team.owner, &team.admin, &team.editor, &team.reviewer].map(|user| &user.session);
    for client in sessions.into_iter().chain([&reading]) {
        let comment = get(client, &id).await.unwrap();
        assert_eq!(comment.id, id);
        assert_eq!(comment.workspace_id, team.workspace.id);
        assert_eq!(comment.account_id, team.account.id);
        assert_eq!(comment.platform(), Platform::Sandbox);
        assert_eq!(comment.body, "nice");
        assert_eq!(comment.author.unwrap().handle, "ann");
        assert_eq!(comment.network_time, after(&system, chrono::TimeDelta::zero()));
        assert_eq!(comment.read_time, None);
        assert_eq!(comment.reply, None);
    }
}

#[tokio::test]
async fn get_comment_shows_the_reply() {
    let system = System::start().await;
    let team = system.team().await;
    let id = written(&team.owner.session, &team.workspace.id, &team.account.id).await;
    reply(&team.editor.session, &id, "thanks").await.unwrap();
    let answer = answers(&team.owner.session, &team.account.id).await.remove(0);
    let reply = get(&team.owner.session, &id).await.unwrap().reply.unwrap();
    assert_eq!((reply.body.as_str(), &reply.external_id), ("thanks", &answer.external_id));
    assert_eq!(reply.author_user_id, team.editor.id());
}

#[tokio::test]
async fn get_comment_hides_other_workspaces() {
    let system = System::start().await;
    let team = system.team().await;
    let id = written(&team.owner.session, &team.workspace.id, &team.account.id).await;
    let stranger = system.sign_up("stranger").await;
    refused(get(&stranger.session, &id).await, Reason::WorkspaceOutOfReach);
    let (elsewhere, _) = workspace_of(&team.owner, "globex").await;
    let (_, scoped) = team.owner.scoped_key(&[&elsewhere.id]).await.unwrap();
    refused(get(&scoped, &id).await, Reason::WorkspaceOutOfReach);
    let unknown = "cmt_01jzzzzzzzfzzr0000000000zz";
    refused(get(&team.owner.session, unknown).await, Reason::ResourceNotFound);
    for malformed in ["", "x", team.account.id.as_str()] {
        assert_eq!(invalid_fields(get(&team.owner.session, malformed).await), ["comment_id"]);
    }
}
