//! What tests of webhooks do over and over.

use postbreeze_proto::v1::{
    CreateWebhookRequest, Delivery, DeliveryStatus, GetWebhookRequest, ListDeliveriesRequest,
    Webhook, WebhookEventType,
};
use postbreeze_testkit::{Client, System};
use tonic::Status;

use super::{
    Receiver, Team, cancel,
    replica::{EGRESS, WEBHOOK_KEY_BASE64},
    scheduled, until_that,
};

/// A system whose webhooks may point to this machine's main address, and to no other that is not public.
pub(crate) async fn start() -> System {
    let settings =
        [("POSTBREEZE_EGRESS_ALLOW", EGRESS), ("POSTBREEZE_WEBHOOK_KEY", WEBHOOK_KEY_BASE64)];
    System::start_with(&settings).await
}

/// A webhook that is told of canceled posts.
pub(crate) fn new_webhook(workspace_id: &str, url: &str) -> CreateWebhookRequest {
    CreateWebhookRequest {
        workspace_id: workspace_id.to_owned(),
        display_name: "mine".to_owned(),
        url: url.to_owned(),
        event_types: vec![WebhookEventType::PostCanceled.into()],
        request_id: String::new(),
    }
}

/// Creates a webhook. Answers its secret too.
pub(crate) async fn create(
    client: &Client,
    request: CreateWebhookRequest,
) -> Result<(Webhook, String), Status> {
    let answer = client.webhooks().create_webhook(request).await?.into_inner();
    Ok((answer.webhook.unwrap(), answer.secret))
}

/// A webhook of a team at a path of a receiver. Answers its secret too.
pub(crate) async fn webhook_at(team: &Team, receiver: &Receiver, path: &str) -> (Webhook, String) {
    let request = new_webhook(&team.workspace.id, &receiver.url(path));
    create(&team.owner.session, request).await.unwrap()
}

pub(crate) async fn get_webhook(client: &Client, webhook_id: &str) -> Result<Webhook, Status> {
    let request =
        GetWebhookRequest { webhook_id: webhook_id.to_owned(), workspace_id: "any".to_owned() };
    Ok(client.webhooks().get_webhook(request).await?.into_inner().webhook.unwrap())
}

/// Cancels a scheduled post, of which webhooks are told. Answers the post's id.
pub(crate) async fn cancel_one(system: &System, team: &Team) -> String {
    let client = &team.owner.session;
    let post = client.create_post(scheduled(system, "x", &team.account.id)).await.unwrap();
    cancel(client, &post.id).await.unwrap();
    post.id
}

/// All deliveries of a webhook, newest event first.
pub(crate) async fn deliveries(client: &Client, webhook_id: &str) -> Vec<Delivery> {
    let request = ListDeliveriesRequest { webhook_id: webhook_id.to_owned(), ..Default::default() };
    client.webhooks().list_deliveries(request).await.unwrap().into_inner().deliveries
}

/// Waits until the newest delivery of a webhook is as wanted.
pub(crate) async fn delivery_when(
    client: &Client,
    webhook_id: &str,
    what: &str,
    holds: impl Fn(&Delivery) -> bool,
) -> Delivery {
    let mut seen =
        until_that(what, || deliveries(client, webhook_id), |all| all.first().is_some_and(&holds))
            .await;
    seen.remove(0)
}

/// Waits until the newest delivery of a webhook has this status.
pub(crate) async fn delivery_that_is(
    client: &Client,
    webhook_id: &str,
    status: DeliveryStatus,
) -> Delivery {
    delivery_when(client, webhook_id, status.as_str_name(), |delivery| delivery.status() == status)
        .await
}

/// Waits until the newest delivery of a webhook has failed this often and is to be tried again.
pub(crate) async fn delivery_that_failed(
    client: &Client,
    webhook_id: &str,
    attempts: i32,
) -> Delivery {
    delivery_when(client, webhook_id, "a failed attempt", |delivery| {
        delivery.attempt_count == attempts && delivery.next_attempt_time.is_some()
    })
    .await
}
