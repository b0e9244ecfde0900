use chrono::TimeDelta;
use postbreeze_ids::WebhookId;
use postbreeze_proto::{
    status::Reason,
    v1::{DeleteWebhookRequest, DeleteWorkspaceRequest, DeliveryStatus, ListDeliveriesRequest},
};
use tonic::Status;

use crate::support::{
    Client, Receiver, System, cancel_one, create, delivery_that_failed, delivery_that_is,
    get_webhook, new_webhook, refused, start, until_eq, webhook_at,
};

async fn delete(client: &Client, webhook_id: &str) -> Result<(), Status> {
    let request = DeleteWebhookRequest { webhook_id: webhook_id.to_owned(), ..Default::default() };
    client.webhooks().delete_webhook(request).await.map(drop)
}

async fn secrets(system: &System, webhook_id: &str) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM webhook_secrets WHERE webhook_id = $1")
        .bind(webhook_id.parse::<WebhookId>().unwrap().uuid())
        .fetch_one(system.pool("posts"))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_deleted_webhook_is_gone_with_its_deliveries_and_nothing_is_sent_to_it() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.admin.session;
    let receiver = Receiver::start().await;
    receiver.answer("/a", &[500]);
    let (webhook, _) = webhook_at(&team, &receiver, "/a").await;
    let (other, _) = webhook_at(&team, &receiver, "/b").await;
    cancel_one(&system, &team).await;
    delivery_that_failed(client, &webhook.id, 1).await;
    delete(client, &webhook.id).await.unwrap();
    refused(get_webhook(client, &webhook.id).await, Reason::ResourceNotFound);
    refused(delete(client, &webhook.id).await, Reason::ResourceNotFound);
    let list = ListDeliveriesRequest { webhook_id: webhook.id.clone(), ..Default::default() };
    refused(client.webhooks().list_deliveries(list).await, Reason::ResourceNotFound);
    assert_eq!(secrets(&system, &webhook.id).await, 0);
    assert_eq!(secrets(&system, &other.id).await, 1);
    // Its delivery is due, and something new happens.
    system.clock.turn(TimeDelta::minutes(1));
    cancel_one(&system, &team).await;
    receiver.wait_for("/b", 2).await;
    delivery_that_is(client, &other.id, DeliveryStatus::Delivered).await;
    assert_eq!(receiver.at("/a").len(), 1);
}

#[tokio::test]
async fn delete_webhook_hides_other_workspaces_and_needs_the_role() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    let stranger = system.sign_up("stranger").await;
    refused(delete(&stranger.session, &webhook.id).await, Reason::WorkspaceOutOfReach);
    refused(delete(&team.reviewer.session, &webhook.id).await, Reason::RoleInsufficient);
    get_webhook(&team.owner.session, &webhook.id).await.unwrap();
}

#[tokio::test]
async fn webhooks_go_with_their_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    let request = DeleteWorkspaceRequest { workspace_id: team.workspace.id.clone() };
    team.owner.session.workspaces().delete_workspace(request).await.unwrap();
    refused(get_webhook(&team.owner.session, &webhook.id).await, Reason::WorkspaceOutOfReach);
    until_eq("the secrets are destroyed", 0, || secrets(&system, &webhook.id)).await;
    let living: i64 = sqlx::query_scalar("SELECT count(*) FROM webhooks WHERE delete_time IS NULL")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap();
    assert_eq!(living, 0);
}
