use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{DeliveryStatus, RotateWebhookSecretRequest, Webhook},
};
use prost_types::Duration;
use tonic::Status;

use crate::support::{
    Client, Receiver, System, after, cancel_one, create, delivery_that_is, get_webhook,
    invalid_fields, new_webhook, refused, start, webhook_at,
};

async fn rotate(
    client: &Client,
    request: RotateWebhookSecretRequest,
) -> Result<(Webhook, String), Status> {
    let answer = client.webhooks().rotate_webhook_secret(request).await?.into_inner();
    Ok((answer.webhook.unwrap(), answer.secret))
}

fn of(webhook: &Webhook) -> RotateWebhookSecretRequest {
    RotateWebhookSecretRequest { webhook_id: webhook.id.clone(), ..Default::default() }
}

fn within(webhook: &Webhook, seconds: i64) -> RotateWebhookSecretRequest {
    RotateWebhookSecretRequest { overlap: Some(Duration { seconds, nanos: 0 }), ..of(webhook) }
}

#[tokio::test]
async fn during_the_overlap_deliveries_are_signed_with_both_secrets() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, first) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/", 1).await.remove(0);
    assert_eq!(arrival.signed_by(&first), [true]);

    let (rotated, second) = rotate(client, of(&webhook)).await.unwrap();
    let [new, old] = rotated.secrets.as_slice() else { panic!("{:?}", rotated.secrets) };
    assert_eq!((new.prefix.as_str(), new.expire_time), (&second[6..14], None));
    assert_eq!(old.prefix, first[6..14]);
    assert_eq!(old.expire_time, after(&system, TimeDelta::hours(24)));
    system.clock.turn(TimeDelta::hours(24) - TimeDelta::seconds(1));
    cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/", 2).await.remove(1);
    assert_eq!(arrival.signed_by(&second), [true, false]);
    assert_eq!(arrival.signed_by(&first), [false, true]);

    system.clock.turn(TimeDelta::seconds(1));
    assert_eq!(get_webhook(client, &webhook.id).await.unwrap().secrets.len(), 1);
    cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/", 3).await.remove(2);
    assert_eq!(arrival.signed_by(&second), [true]);
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
}

#[tokio::test]
async fn at_most_two_secrets_live_and_none_is_left_without_an_overlap() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, first) = webhook_at(&team, &receiver, "/").await;
    let (_, second) = rotate(client, within(&webhook, 60)).await.unwrap();
    let (rotated, third) = rotate(client, within(&webhook, 7 * 86_400)).await.unwrap();
    let prefixes: Vec<_> = rotated.secrets.iter().map(|secret| secret.prefix.as_str()).collect();
    assert_eq!(prefixes, [&third[6..14], &second[6..14]]);
    assert_eq!(rotated.secrets[1].expire_time, after(&system, TimeDelta::days(7)));
    cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/", 1).await.remove(0);
    assert_eq!(arrival.signed_by(&first), [false, false]);
    assert_eq!(arrival.signed_by(&third), [true, false]);
    assert_eq!(arrival.signed_by(&second), [false, true]);
    let (rotated, fourth) = rotate(client, within(&webhook, 0)).await.unwrap();
    assert_eq!(rotated.secrets.len(), 1);
    cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/", 2).await.remove(1);
    assert_eq!(arrival.signed_by(&fourth), [true]);
}

#[tokio::test]
async fn rotate_webhook_secret_replays_its_first_answer_without_the_secret() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(client, request).await.unwrap();
    let request = RotateWebhookSecretRequest { request_id: "once".to_owned(), ..of(&webhook) };
    let (first, secret) = rotate(client, request.clone()).await.unwrap();
    assert!(!secret.is_empty());
    assert_eq!(rotate(client, request.clone()).await.unwrap(), (first.clone(), String::new()));
    let reused =
        RotateWebhookSecretRequest { request_id: "once".to_owned(), ..within(&webhook, 1) };
    refused(rotate(client, reused).await, Reason::RequestIdReused);
    assert_eq!(get_webhook(client, &webhook.id).await.unwrap().secrets, first.secrets);
}

#[tokio::test]
async fn rotate_webhook_secret_refuses_other_overlaps_callers_and_webhooks() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(client, request).await.unwrap();
    for (seconds, nanos) in [(-1, 0), (0, -1), (7 * 86_400, 1), (i64::MAX, 0), (0, i32::MAX)] {
        let overlap = Some(Duration { seconds, nanos });
        let request = RotateWebhookSecretRequest { overlap, ..of(&webhook) };
        assert_eq!(invalid_fields(rotate(client, request).await), ["overlap"], "{seconds} {nanos}");
    }
    let stranger = system.sign_up("stranger").await;
    refused(rotate(&stranger.session, of(&webhook)).await, Reason::WorkspaceOutOfReach);
    refused(rotate(&team.editor.session, of(&webhook)).await, Reason::RoleInsufficient);
    assert_eq!(get_webhook(client, &webhook.id).await.unwrap(), webhook);
}
