use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{Delivery, DeliveryStatus, RedeliverDeliveryRequest, UpdateWebhookRequest},
};
use tonic::Status;

use crate::support::{
    Client, Receiver, cancel_one, deliveries, delivery_that_failed, delivery_that_is,
    invalid_fields, metadata, refused, start, until_that, webhook_at,
};

async fn redeliver(client: &Client, request: RedeliverDeliveryRequest) -> Result<Delivery, Status> {
    Ok(client.webhooks().redeliver_delivery(request).await?.into_inner().delivery.unwrap())
}

fn of(delivery: &Delivery) -> RedeliverDeliveryRequest {
    RedeliverDeliveryRequest {
        webhook_id: delivery.webhook_id.clone(),
        event_id: delivery.event_id.clone(),
        ..Default::default()
    }
}

#[tokio::test]
async fn what_was_given_up_can_be_sent_again_and_is_tried_for_a_day_again() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.admin.session;
    let receiver = Receiver::start().await;
    receiver.answer("/", &[500; 30]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let mut attempts = 1;
    loop {
        receiver.wait_for("/", attempts).await;
        let known = i32::try_from(attempts).unwrap();
        until_that(
            "the outcome is written",
            || async { deliveries(client, &webhook.id).await.remove(0) },
            |delivery| {
                delivery.attempt_count == known
                    && (delivery.next_attempt_time.is_some()
                        || delivery.status() == DeliveryStatus::Dead)
            },
        )
        .await;
        let delivery = deliveries(client, &webhook.id).await.remove(0);
        let Some(next) = delivery.next_attempt_time else { break };
        let wait = next.seconds - system.clock.now().timestamp() + 1;
        system.clock.turn(TimeDelta::seconds(wait));
        attempts += 1;
    }
    let dead = delivery_that_is(client, &webhook.id, DeliveryStatus::Dead).await;
    assert!((10..=15).contains(&attempts), "{attempts}");
    assert_eq!(dead.last_error, "the URL answered with status 500");

    let pending = redeliver(client, of(&dead)).await.unwrap();
    assert_eq!(pending.status(), DeliveryStatus::Pending);
    // It fails again, and is tried again soon.
    let failed =
        delivery_that_failed(client, &webhook.id, i32::try_from(attempts).unwrap() + 1).await;
    let next = failed.next_attempt_time.unwrap().seconds - system.clock.now().timestamp();
    assert!((8..=12).contains(&next), "{next}");
    let arrivals = receiver.at("/");
    assert!(arrivals.iter().all(|arrival| arrival.body == arrivals[0].body));
}

#[tokio::test]
async fn what_arrived_can_be_sent_again_once_per_request_id() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, secret) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    system.clock.turn(TimeDelta::hours(1));
    let request = RedeliverDeliveryRequest { request_id: "once".to_owned(), ..of(&delivered) };
    let first = redeliver(client, request.clone()).await.unwrap();
    receiver.wait_for("/", 2).await;
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(redeliver(client, request.clone()).await.unwrap(), first);
    let reused = RedeliverDeliveryRequest { event_id: other_event(), ..request };
    refused(redeliver(client, reused).await, Reason::RequestIdReused);
    redeliver(client, of(&delivered)).await.unwrap();
    let arrivals = receiver.wait_for("/", 3).await;
    assert_eq!(arrivals.len(), 3);
    // The same event, signed anew.
    assert!(arrivals.iter().all(|arrival| arrival.signed_by(&secret) == [true]));
    assert_eq!(arrivals[1].body, arrivals[0].body);
    assert_eq!(arrivals[1].signature().0 - arrivals[0].signature().0, 3_600);
}

fn other_event() -> String {
    "evt_01jzzzzzzzfzzr0000000000zz".to_owned()
}

#[tokio::test]
async fn redeliver_delivery_refuses_what_is_not_there_or_off() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    let unknown = RedeliverDeliveryRequest { event_id: other_event(), ..of(&delivered) };
    let refusal = refused(redeliver(client, unknown).await, Reason::ResourceNotFound);
    assert_eq!(metadata(&refusal, "resource").as_deref(), Some("delivery"));
    let bad = RedeliverDeliveryRequest {
        webhook_id: "x".to_owned(),
        event_id: webhook.id.clone(),
        request_id: "x".repeat(65),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(redeliver(client, bad).await),
        ["event_id", "request_id", "webhook_id"]
    );
    let stranger = system.sign_up("stranger").await;
    refused(redeliver(&stranger.session, of(&delivered)).await, Reason::WorkspaceOutOfReach);
    refused(redeliver(&team.editor.session, of(&delivered)).await, Reason::RoleInsufficient);
    let off = UpdateWebhookRequest {
        webhook_id: webhook.id.clone(),
        enabled: Some(false),
        ..Default::default()
    };
    client.webhooks().update_webhook(off).await.unwrap();
    assert_eq!(invalid_fields(redeliver(client, of(&delivered)).await), ["webhook_id"]);
    let still = deliveries(client, &webhook.id).await;
    assert_eq!(still, [delivered]);
    assert_eq!(receiver.at("/").len(), 1);
}
