use postbreeze_proto::status::Reason;

use crate::support::{System, create, get_webhook, invalid_fields, new_webhook, refused};

#[tokio::test]
async fn get_webhook_shows_one_to_owners_and_admins() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    for user in [&team.owner, &team.admin] {
        assert_eq!(get_webhook(&user.session, &webhook.id).await.unwrap(), webhook);
    }
    for user in [&team.editor, &team.reviewer] {
        refused(get_webhook(&user.session, &webhook.id).await, Reason::RoleInsufficient);
    }
    let (_, key) = team.owner.full_key().await.unwrap();
    refused(get_webhook(&key, &webhook.id).await, Reason::SessionRequired);
}

#[tokio::test]
async fn get_webhook_hides_other_workspaces() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    let stranger = system.sign_up("stranger").await;
    refused(get_webhook(&stranger.session, &webhook.id).await, Reason::WorkspaceOutOfReach);
    let unknown = "whk_01jzzzzzzzfzzr0000000000zz";
    refused(get_webhook(&team.owner.session, unknown).await, Reason::ResourceNotFound);
    for malformed in ["", "x", team.account.id.as_str()] {
        let answer = get_webhook(&team.owner.session, malformed).await;
        assert_eq!(invalid_fields(answer), ["webhook_id"]);
    }
}
