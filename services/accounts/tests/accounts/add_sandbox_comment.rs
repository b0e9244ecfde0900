use postbreeze_proto::{
    status::Reason,
    v1::{AddSandboxCommentRequest, AddSandboxCommentResponse},
};
use tonic::Status;

use crate::support::{
    Client, System, commands, invalid_fields, post, publish, refused, sent, with_account,
};

async fn add(
    client: &Client,
    request: AddSandboxCommentRequest,
) -> Result<AddSandboxCommentResponse, Status> {
    Ok(commands(client).add_sandbox_comment(request).await?.into_inner())
}

fn under(account_id: &str, external_post_id: &str) -> AddSandboxCommentRequest {
    AddSandboxCommentRequest {
        account_id: account_id.to_owned(),
        external_post_id: external_post_id.to_owned(),
        author_handle: "bob".to_owned(),
        body: "hello".to_owned(),
    }
}

#[tokio::test]
async fn a_comment_is_written_under_a_post_that_this_account_has() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let there = sent(publish(&system, post(&system, &account.id, "key", "text")).await);
    let first = add(&owner.session, under(&account.id, &there.external_id)).await.unwrap();
    let second = add(&owner.session, under(&account.id, &there.external_id)).await.unwrap();
    assert_ne!(first.external_comment_id, second.external_comment_id);
    let other = owner.session.create_workspace("Globex").await.unwrap().id;
    let other = owner.session.connect(&other, "acme").await.unwrap();
    for (account_id, post_id) in
        [(&account.id, "nonsense"), (&other.id, there.external_id.as_str())]
    {
        let answer = add(&owner.session, under(account_id, post_id)).await;
        refused(answer, Reason::ResourceNotFound);
    }
}

#[tokio::test]
async fn add_sandbox_comment_is_for_connectors_and_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let there = sent(publish(&system, post(&system, &team.account.id, "key", "text")).await);
    let request = under(&team.account.id, &there.external_id);
    add(&team.admin.session, request.clone()).await.unwrap();
    for user in [&team.editor, &team.reviewer] {
        refused(add(&user.session, request.clone()).await, Reason::RoleInsufficient);
    }
    let stranger = system.sign_up("stranger").await;
    refused(add(&stranger.session, request).await, Reason::WorkspaceOutOfReach);
    let bad = AddSandboxCommentRequest {
        author_handle: "x".repeat(101),
        body: "x".repeat(2_001),
        ..under("junk", "")
    };
    let fields = invalid_fields(add(&team.owner.session, bad).await);
    assert_eq!(fields, ["account_id", "author_handle", "body", "external_post_id"]);
}
