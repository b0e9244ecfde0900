use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{DeliveryStatus, UpdateWebhookRequest, Webhook, WebhookEventType},
};
use prost_types::FieldMask;
use tonic::Status;

use crate::support::{
    Client, Receiver, System, after, cancel_one, create, deliveries, delivery_that_failed,
    delivery_that_is, get_webhook, invalid_fields, new_webhook, refused, start, webhook_at,
};

async fn update(client: &Client, request: UpdateWebhookRequest) -> Result<Webhook, Status> {
    Ok(client.webhooks().update_webhook(request).await?.into_inner().webhook.unwrap())
}

fn of(webhook: &Webhook) -> UpdateWebhookRequest {
    UpdateWebhookRequest { webhook_id: webhook.id.clone(), ..Default::default() }
}

fn turned(webhook: &Webhook, on: bool) -> UpdateWebhookRequest {
    UpdateWebhookRequest { enabled: Some(on), ..of(webhook) }
}

#[tokio::test]
async fn update_webhook_changes_what_is_set_or_what_the_mask_names() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.admin.session;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(client, request).await.unwrap();
    system.clock.turn(TimeDelta::minutes(1));
    let published = vec![i32::from(WebhookEventType::PostPublished)];
    let changed = update(
        client,
        UpdateWebhookRequest {
            url: "https://example.org/".to_owned(),
            event_types: published.clone(),
            ..of(&webhook)
        },
    )
    .await
    .unwrap();
    let wanted = Webhook {
        url: "https://example.org/".to_owned(),
        event_types: published,
        update_time: after(&system, TimeDelta::zero()),
        ..webhook.clone()
    };
    assert_eq!(changed, wanted);
    let masked = UpdateWebhookRequest {
        url: "https://example.net/".to_owned(),
        update_mask: Some(FieldMask { paths: vec!["display_name".to_owned()] }),
        ..of(&webhook)
    };
    let changed = update(client, masked).await.unwrap();
    assert_eq!(changed, Webhook { display_name: String::new(), ..wanted });
    assert_eq!(get_webhook(client, &webhook.id).await.unwrap(), changed);
}

#[tokio::test]
async fn update_webhook_names_every_field_at_fault_and_changes_nothing() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(client, request).await.unwrap();
    let bad = UpdateWebhookRequest {
        display_name: "x".repeat(81),
        url: "x".to_owned(),
        event_types: vec![0],
        ..of(&webhook)
    };
    assert_eq!(
        invalid_fields(update(client, bad).await),
        ["display_name", "event_types[0]", "url"]
    );
    let forbidden = UpdateWebhookRequest { url: "http://10.0.0.1/".to_owned(), ..of(&webhook) };
    refused(update(client, forbidden).await, Reason::UrlForbidden);
    assert_eq!(invalid_fields(update(client, of(&webhook)).await), ["update_mask"]);
    let masked = |paths: &[&str]| UpdateWebhookRequest {
        update_mask: Some(FieldMask { paths: paths.iter().map(|p| (*p).to_owned()).collect() }),
        ..of(&webhook)
    };
    assert_eq!(invalid_fields(update(client, masked(&["id"])).await), ["update_mask"]);
    assert_eq!(invalid_fields(update(client, masked(&["url"; 21])).await), ["update_mask"]);
    assert_eq!(
        invalid_fields(update(client, masked(&["url", "event_types", "enabled"])).await),
        ["enabled", "event_types", "url"]
    );
    assert_eq!(get_webhook(client, &webhook.id).await.unwrap(), webhook);
}

#[tokio::test]
async fn update_webhook_hides_other_workspaces_and_needs_the_role() {
    let system = System::start().await;
    let team = system.team().await;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.owner.session, request).await.unwrap();
    let stranger = system.sign_up("stranger").await;
    let request = turned(&webhook, false);
    refused(update(&stranger.session, request.clone()).await, Reason::WorkspaceOutOfReach);
    refused(update(&team.editor.session, request.clone()).await, Reason::RoleInsufficient);
    let unknown = UpdateWebhookRequest {
        webhook_id: "whk_01jzzzzzzzfzzr0000000000zz".to_owned(),
        ..request.clone()
    };
    refused(update(&team.owner.session, unknown).await, Reason::ResourceNotFound);
    assert!(get_webhook(&team.owner.session, &webhook.id).await.unwrap().enabled);
}

#[tokio::test]
async fn a_webhook_that_is_off_is_not_told_what_happens_meanwhile() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, _) = webhook_at(&team, &receiver, "/a").await;
    let (other, _) = webhook_at(&team, &receiver, "/b").await;
    assert!(!update(client, turned(&webhook, false)).await.unwrap().enabled);
    cancel_one(&system, &team).await;
    delivery_that_is(client, &other.id, DeliveryStatus::Delivered).await;
    system.clock.turn(TimeDelta::minutes(1));
    assert!(update(client, turned(&webhook, true)).await.unwrap().enabled);
    let post_id = cancel_one(&system, &team).await;
    let [arrival] = receiver.wait_for("/a", 1).await.try_into().unwrap();
    assert_eq!(arrival.json()["data"]["post_id"], post_id);
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(deliveries(client, &webhook.id).await.len(), 1);
}

#[tokio::test]
async fn what_is_pending_when_a_webhook_is_turned_off_is_given_up_when_it_is_due() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.answer("/", &[500]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    delivery_that_failed(client, &webhook.id, 1).await;
    update(client, turned(&webhook, false)).await.unwrap();
    system.clock.turn(TimeDelta::minutes(1));
    let dead = delivery_that_is(client, &webhook.id, DeliveryStatus::Dead).await;
    assert_eq!((dead.attempt_count, dead.last_error.as_str()), (1, "the webhook is off"));
    assert_eq!(dead.next_attempt_time, None);
    assert_eq!(receiver.at("/").len(), 1);
}

#[tokio::test]
async fn what_is_pending_goes_to_the_new_url() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.answer("/old", &[500]);
    let (webhook, _) = webhook_at(&team, &receiver, "/old").await;
    cancel_one(&system, &team).await;
    delivery_that_failed(client, &webhook.id, 1).await;
    update(client, UpdateWebhookRequest { url: receiver.url("/new"), ..of(&webhook) })
        .await
        .unwrap();
    system.clock.turn(TimeDelta::minutes(1));
    receiver.wait_for("/new", 1).await;
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(receiver.at("/old").len(), 1);
}
