use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{DeliveryStatus, ListDeliveriesRequest, ListDeliveriesResponse, WebhookEventType},
};
use tonic::Status;

use crate::support::{
    Client, Receiver, System, after, cancel_one, create, deliveries, delivery_that_failed,
    delivery_that_is, invalid_fields, new_webhook, refused, start, until_that, webhook_at,
};

async fn list(
    client: &Client,
    request: ListDeliveriesRequest,
) -> Result<ListDeliveriesResponse, Status> {
    Ok(client.webhooks().list_deliveries(request).await?.into_inner())
}

#[tokio::test]
async fn list_deliveries_tells_what_was_sent_and_what_is_to_be_sent() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.admin.session;
    let receiver = Receiver::start().await;
    receiver.answer("/", &[503, 200]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let pending = delivery_that_failed(client, &webhook.id, 1).await;
    let arrival = receiver.at("/").remove(0);
    assert_eq!(arrival.json()["id"], pending.event_id);
    assert_eq!(pending.webhook_id, webhook.id);
    assert_eq!(pending.workspace_id, team.workspace.id);
    assert_eq!(pending.event_type(), WebhookEventType::PostCanceled);
    assert_eq!(pending.status(), DeliveryStatus::Pending);
    assert_eq!(pending.last_http_status, Some(503));
    assert_eq!(pending.last_error, "the URL answered with status 503");
    let now = after(&system, TimeDelta::zero());
    assert_eq!((pending.create_time, pending.last_attempt_time), (now, now));
    let next = pending.next_attempt_time.unwrap().seconds - system.clock.now().timestamp();
    assert!((8..=12).contains(&next), "{next}");
    system.clock.turn(TimeDelta::seconds(12));
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(delivered.event_id, pending.event_id);
    assert_eq!(delivered.attempt_count, 2);
    assert_eq!(delivered.last_http_status, Some(200));
    assert_eq!((delivered.last_error.as_str(), delivered.next_attempt_time), ("", None));
    assert_eq!(delivered.last_attempt_time, after(&system, TimeDelta::zero()));
}

#[tokio::test]
async fn list_deliveries_pages_and_filters() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    // The third is refused for good: it alone is on its way then.
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    for n in 1..=5 {
        if n == 3 {
            receiver.answer("/", &[400]);
        }
        cancel_one(&system, &team).await;
        receiver.wait_for("/", n).await;
    }
    until_that(
        "all are dealt with",
        || deliveries(client, &webhook.id),
        |all| all.len() == 5 && all.iter().all(|delivery| delivery.last_http_status.is_some()),
    )
    .await;
    let all = deliveries(client, &webhook.id).await;
    assert!(all.is_sorted_by(|newer, older| newer.event_id > older.event_id));
    let request = ListDeliveriesRequest { webhook_id: webhook.id.clone(), ..Default::default() };
    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let page_token = token;
        let page =
            list(client, ListDeliveriesRequest { page_size: 2, page_token, ..request.clone() });
        let page = page.await.unwrap();
        paged.extend(page.deliveries);
        token = page.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(paged, all);
    let by = |status: DeliveryStatus| ListDeliveriesRequest {
        status: vec![status.into()],
        ..request.clone()
    };
    let pending = list(client, by(DeliveryStatus::Pending)).await.unwrap().deliveries;
    assert_eq!(pending, [all[2].clone()]);
    let delivered = list(client, by(DeliveryStatus::Delivered)).await.unwrap().deliveries;
    assert_eq!(delivered.len(), 4);
    assert!(list(client, by(DeliveryStatus::Dead)).await.unwrap().deliveries.is_empty());
    let first = ListDeliveriesRequest { page_size: 1, ..by(DeliveryStatus::Delivered) };
    let page_token = list(client, first.clone()).await.unwrap().next_page_token;
    let other = ListDeliveriesRequest { status: Vec::new(), page_token, ..first };
    refused(list(client, other).await, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_deliveries_hides_other_workspaces_and_needs_the_role() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    let request = ListDeliveriesRequest { webhook_id: webhook.id, ..Default::default() };
    let stranger = system.sign_up("stranger").await;
    refused(list(&stranger.session, request.clone()).await, Reason::WorkspaceOutOfReach);
    refused(list(&team.editor.session, request.clone()).await, Reason::RoleInsufficient);
    let bad = ListDeliveriesRequest {
        webhook_id: "x".to_owned(),
        page_size: -1,
        page_token: "x".to_owned(),
        status: vec![0, 9],
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(list(&team.owner.session, bad).await),
        ["page_size", "page_token", "status[0]", "status[1]", "webhook_id"]
    );
    assert!(list(&team.admin.session, request).await.unwrap().deliveries.is_empty());
}
