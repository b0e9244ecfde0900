use postbreeze_proto::{
    status::Reason,
    v1::{ListWebhooksRequest, ListWebhooksResponse},
};
use tonic::Status;

use crate::support::{Client, System, create, invalid_fields, new_webhook, refused, workspace_of};

async fn ask(
    client: &Client,
    workspace_id: &str,
    page_size: i32,
    page_token: &str,
) -> Result<ListWebhooksResponse, Status> {
    let request = ListWebhooksRequest {
        workspace_id: workspace_id.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    Ok(client.webhooks().list_webhooks(request).await?.into_inner())
}

#[tokio::test]
async fn list_webhooks_pages_through_one_workspace_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (elsewhere, _) = workspace_of(&team.owner, "globex").await;
    create(client, new_webhook(&elsewhere.id, "https://example.com/")).await.unwrap();
    let mut created = Vec::new();
    for n in 0..5 {
        let request = new_webhook(&team.workspace.id, &format!("https://example.com/{n}"));
        created.insert(0, create(client, request).await.unwrap().0);
    }
    let all = ask(client, &team.workspace.id, 0, "").await.unwrap();
    assert_eq!(all.webhooks, created);
    assert_eq!(all.next_page_token, "");
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page = ask(client, &team.workspace.id, 2, &token).await.unwrap();
        assert!(page.webhooks.len() <= 2);
        paged.extend(page.webhooks);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, created);
    let first = ask(client, &team.workspace.id, 2, "").await.unwrap();
    let other = ask(client, &elsewhere.id, 2, &first.next_page_token).await;
    refused(other, Reason::PageTokenInvalid);
    let other = ask(&team.admin.session, &team.workspace.id, 2, &first.next_page_token).await;
    refused(other, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_webhooks_is_for_owners_and_admins_of_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.sign_up("stranger").await;
    let workspace_id = &team.workspace.id;
    let list = |client: Client| async move { ask(&client, workspace_id, 0, "").await };
    refused(list(team.editor.session.clone()).await, Reason::RoleInsufficient);
    refused(list(stranger.session.clone()).await, Reason::WorkspaceOutOfReach);
    let (_, key) = team.owner.full_key().await.unwrap();
    refused(list(key).await, Reason::SessionRequired);
    assert!(list(team.admin.session.clone()).await.unwrap().webhooks.is_empty());
    let bad = ask(&team.owner.session, "x", -1, "x").await;
    assert_eq!(invalid_fields(bad), ["page_size", "page_token", "workspace_id"]);
}
