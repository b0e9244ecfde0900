//! From what happened to what arrives.

use std::collections::HashSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use postbreeze_ids::WebhookId;
use postbreeze_proto::v1::{
    DeliveryStatus, Platform, PostStatus, UpdateWebhookRequest, Webhook, WebhookEventType,
};

use crate::support::{
    Arrival, Receiver, Replica, System, add_account, cancel_one, create, deliveries,
    delivery_that_failed, delivery_that_is, delivery_when, expire, get, get_webhook, new_webhook,
    scheduled, start, target, until_eq, until_that, webhook_at,
};

/// Longer than an attempt may take.
const LEASE: TimeDelta = TimeDelta::seconds(31);

async fn point_to(system: &System, webhook: &Webhook, url: &str) {
    sqlx::query("UPDATE webhooks SET url = $2 WHERE id = $1")
        .bind(webhook.id.parse::<WebhookId>().unwrap().uuid())
        .bind(url)
        .execute(system.pool("posts"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_delivery_has_the_form_that_is_documented() {
    let system = start().await;
    let team = system.team().await;
    let receiver = Receiver::start().await;
    let (_, secret) = webhook_at(&team, &receiver, "/hook").await;
    let post_id = cancel_one(&system, &team).await;
    let arrival = receiver.wait_for("/hook", 1).await.remove(0);
    let body = arrival.json();
    let event_id = body["id"].as_str().unwrap().to_owned();
    assert!(event_id.starts_with("evt_"));
    let wanted = format!(
        "{{\"id\":\"{event_id}\",\"type\":\"post.canceled\",\
         \"create_time\":\"2026-06-15T12:00:00.000000Z\",\"workspace_id\":\"{}\",\
         \"data\":{{\"post_id\":\"{post_id}\"}}}}",
        team.workspace.id
    );
    assert_eq!(arrival.body, wanted);
    assert_eq!(arrival.header("content-type"), "application/json");
    assert_eq!(arrival.header("postbreeze-event"), event_id);
    assert!(arrival.header("user-agent").starts_with("Postbreeze/"));
    assert_eq!(arrival.header("content-length"), wanted.len().to_string());
    assert_eq!(arrival.signature().0, system.clock.now().timestamp());
    assert_eq!(arrival.signed_by(&secret), [true]);
    assert_eq!(arrival.signed_by("whsec_another"), [false]);
}

#[tokio::test]
async fn what_fails_is_tried_again_until_it_arrives_once() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.answer("/", &[500, 404, 429]);
    let (webhook, secret) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    for (attempts, wait) in [(1, 12), (2, 36), (3, 108)] {
        delivery_that_failed(client, &webhook.id, attempts).await;
        system.clock.turn(TimeDelta::seconds(wait));
    }
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(delivered.attempt_count, 4);
    let arrivals = receiver.at("/");
    assert_eq!(arrivals.len(), 4);
    for arrival in &arrivals {
        assert_eq!(arrival.body, arrivals[0].body);
        assert_eq!(arrival.signed_by(&secret), [true]);
    }
}

#[tokio::test]
async fn every_2xx_is_a_success() {
    let system = start().await;
    let team = system.team().await;
    let receiver = Receiver::start().await;
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    for (count, status) in [(1, 201), (2, 204), (3, 299)] {
        receiver.answer("/", &[status]);
        cancel_one(&system, &team).await;
        receiver.wait_for("/", count).await;
        let wanted = i32::from(status);
        let delivered = delivery_when(&team.owner.session, &webhook.id, "an outcome", |delivery| {
            delivery.last_http_status == Some(wanted)
        })
        .await;
        assert_eq!(delivered.status(), DeliveryStatus::Delivered);
    }
}

#[tokio::test]
async fn an_answer_is_waited_for_ten_seconds() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let gate = receiver.hold("/", &[200]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    receiver.wait_for("/", 1).await;
    let begun = std::time::Instant::now();
    let failed = delivery_that_failed(client, &webhook.id, 1).await;
    assert!(begun.elapsed() > std::time::Duration::from_millis(9_500), "{:?}", begun.elapsed());
    assert_eq!(failed.last_error, "the URL did not answer in time");
    assert_eq!(failed.last_http_status, None);
    gate.add_permits(1);
    system.clock.turn(TimeDelta::seconds(12));
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_is_tried_again() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    point_to(&system, &webhook, &format!("http://{closed}/")).await;
    cancel_one(&system, &team).await;
    let failed = delivery_that_failed(client, &webhook.id, 1).await;
    assert_eq!(failed.last_error, "the URL could not be connected to");
    point_to(&system, &webhook, &receiver.url("/")).await;
    system.clock.turn(TimeDelta::seconds(12));
    receiver.wait_for("/", 1).await;
    delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.redirect("/", &receiver.url("/elsewhere"));
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    let failed = delivery_that_failed(client, &webhook.id, 1).await;
    assert_eq!(failed.last_http_status, Some(302));
    assert!(receiver.at("/elsewhere").is_empty());
}

/// A name that was public when the webhook was made may be something else later: addresses are judged at each attempt.
#[tokio::test]
async fn nothing_is_sent_to_an_address_that_is_not_public_any_more() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let (receiver, inside) = (Receiver::start().await, Receiver::start_on("127.0.0.2").await);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    point_to(&system, &webhook, &inside.url("/")).await;
    cancel_one(&system, &team).await;
    let failed = delivery_that_failed(client, &webhook.id, 1).await;
    assert_eq!(failed.last_error, "the URL is not a public address");
    assert!(inside.at("/").is_empty());
}

#[tokio::test]
async fn an_answer_of_410_turns_the_webhook_off() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.answer("/a", &[410]);
    let (webhook, _) = webhook_at(&team, &receiver, "/a").await;
    let (other, _) = webhook_at(&team, &receiver, "/b").await;
    system.clock.turn(TimeDelta::seconds(5));
    cancel_one(&system, &team).await;
    let dead = delivery_that_is(client, &webhook.id, DeliveryStatus::Dead).await;
    assert_eq!((dead.attempt_count, dead.last_http_status), (1, Some(410)));
    let off = get_webhook(client, &webhook.id).await.unwrap();
    assert!(!off.enabled);
    assert_eq!(off.gone_time, crate::support::after(&system, TimeDelta::zero()));
    assert!(get_webhook(client, &other.id).await.unwrap().enabled);
    cancel_one(&system, &team).await;
    receiver.wait_for("/b", 2).await;
    assert_eq!(deliveries(client, &webhook.id).await, [dead]);
    let on = UpdateWebhookRequest {
        webhook_id: webhook.id.clone(),
        enabled: Some(true),
        ..Default::default()
    };
    let on = client.webhooks().update_webhook(on).await.unwrap().into_inner().webhook.unwrap();
    assert_eq!((on.enabled, on.gone_time), (true, None));
    cancel_one(&system, &team).await;
    receiver.wait_for("/a", 2).await;
}

/// Deliveries that are on their way: to a webhook, or to all.
async fn on_their_way(system: &System, webhook: Option<&Webhook>) -> i64 {
    let id = webhook.map(|webhook| webhook.id.parse::<WebhookId>().unwrap().uuid());
    sqlx::query_scalar(
        "SELECT count(*) FROM webhook_deliveries
        WHERE leased AND next_time > $1 AND ($2::UUID IS NULL OR webhook_id = $2)",
    )
    .bind(system.clock.now())
    .bind(id)
    .fetch_one(system.pool("posts"))
    .await
    .unwrap()
}

/// The distinct bodies of what has arrived.
fn distinct(arrivals: &[Arrival]) -> usize {
    arrivals.iter().map(|arrival| &arrival.body).collect::<HashSet<_>>().len()
}

/// A process has sixteen deliveries on their way at once: twenty to one webhook would be all of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_webhook_has_two_on_their_way_and_delays_no_other() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let gate = receiver.hold("/slow", &[200; 20]);
    let (slow, _) = webhook_at(&team, &receiver, "/slow").await;
    let (quick, _) = webhook_at(&team, &receiver, "/quick").await;
    for _ in 0..20 {
        cancel_one(&system, &team).await;
    }
    let look = || async {
        let to_slow = on_their_way(&system, Some(&slow)).await;
        assert!(to_slow <= 2, "{to_slow} are on their way to the slow one");
        let all = deliveries(client, &quick.id).await;
        all.iter().filter(|one| one.status() == DeliveryStatus::Delivered).count()
    };
    until_that("all are delivered to the quick one", look, |delivered| *delivered == 20).await;
    // It did not wait for the slow one, which has answered nothing yet.
    let waiting = deliveries(client, &slow.id).await;
    assert!(waiting.iter().all(|one| one.status() == DeliveryStatus::Pending), "{waiting:?}");
    gate.add_permits(20);
    let arrived = || async { distinct(&receiver.at("/slow")) };
    system.as_time_passes("all arrive at the slow one", arrived, |arrived| *arrived == 20).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_deliver_everything_once() {
    let system = start().await;
    let replica = Replica::beside(&system);
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let paths: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    let mut webhooks = Vec::new();
    let mut gates = Vec::new();
    for path in &paths {
        gates.push(receiver.hold(path, &[200; 2]));
        webhooks.push(webhook_at(&team, &receiver, path).await.0);
    }
    join_all((0..4).map(|_| cancel_one(&system, &team))).await;
    // One process has sixteen on their way at once, and no more: both are at it.
    let both = || on_their_way(&system, None);
    until_that("more are on their way than one sends", both, |sending| *sending > 16).await;
    for gate in &gates {
        gate.add_permits(2);
    }
    for (path, webhook) in paths.iter().zip(&webhooks) {
        until_that(
            "all are delivered",
            || deliveries(client, &webhook.id),
            |all| all.len() == 4 && all.iter().all(|one| one.status() == DeliveryStatus::Delivered),
        )
        .await;
        let all = deliveries(client, &webhook.id).await;
        assert!(all.iter().all(|one| one.attempt_count == 1), "{all:?}");
        let arrivals = receiver.at(path);
        assert_eq!((arrivals.len(), distinct(&arrivals)), (4, 4));
    }
    replica.stop().await;
}

#[tokio::test]
async fn what_a_process_was_sending_when_it_died_is_sent_by_another() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    receiver.hold("/", &[200]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    // One process alone sends, and dies with all that it does.
    system.environment.background.stop().await;
    let process = tokio::runtime::Runtime::new().unwrap();
    let dying = {
        let _inside = process.enter();
        Replica::beside(&system)
    };
    cancel_one(&system, &team).await;
    receiver.wait_for("/", 1).await;
    process.shutdown_background();
    let on_its_way = deliveries(client, &webhook.id).await.remove(0);
    assert_eq!(on_its_way.status(), DeliveryStatus::Pending);
    assert_eq!((on_its_way.attempt_count, on_its_way.next_attempt_time), (1, None));

    let another = Replica::beside(&system);
    system.clock.turn(LEASE);
    let arrivals = receiver.wait_for("/", 2).await;
    assert_eq!(arrivals[1].body, arrivals[0].body);
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(delivered.attempt_count, 2);
    another.stop().await;
    drop(dying);
}

#[tokio::test]
async fn an_answer_that_comes_after_its_attempt_was_given_up_counts_no_more() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let gate = receiver.hold("/", &[410]);
    let (webhook, _) = webhook_at(&team, &receiver, "/").await;
    cancel_one(&system, &team).await;
    receiver.wait_for("/", 1).await;
    system.clock.turn(LEASE);
    receiver.wait_for("/", 2).await;
    let delivered = delivery_that_is(client, &webhook.id, DeliveryStatus::Delivered).await;
    assert_eq!(delivered.attempt_count, 2);
    gate.add_permits(1);
    // By the time that another event has come the late answer has been dealt with.
    cancel_one(&system, &team).await;
    receiver.wait_for("/", 3).await;
    delivery_when(client, &webhook.id, "the other event", |one| {
        one.event_id != delivered.event_id && one.status() == DeliveryStatus::Delivered
    })
    .await;
    assert_eq!(deliveries(client, &webhook.id).await[1], delivered);
    assert!(get_webhook(client, &webhook.id).await.unwrap().enabled);
}

#[tokio::test]
async fn a_webhook_is_told_of_what_it_asked_for_in_its_workspace_since_it_is_there() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let before = cancel_one(&system, &team).await;
    assert_eq!(get(client, &before).await.unwrap().status(), PostStatus::Canceled);
    system.clock.turn(TimeDelta::seconds(1));
    let (elsewhere, _) = crate::support::workspace_of(&team.owner, "globex").await;
    for (workspace, path, kind) in [
        (&elsewhere, "/elsewhere", WebhookEventType::PostCanceled),
        (&team.workspace, "/other", WebhookEventType::PostPublished),
        (&team.workspace, "/own", WebhookEventType::PostCanceled),
    ] {
        let mut request = new_webhook(&workspace.id, &receiver.url(path));
        request.event_types = vec![kind.into()];
        create(client, request).await.unwrap();
    }
    let post_id = cancel_one(&system, &team).await;
    let [arrival] = receiver.wait_for("/own", 1).await.try_into().unwrap();
    assert_eq!(arrival.json()["data"]["post_id"], post_id);
    until_eq("nothing waits in the outbox", 0_i64, || async {
        sqlx::query_scalar("SELECT count(*) FROM events WHERE relay_time IS NULL")
            .fetch_one(system.pool("posts"))
            .await
            .unwrap()
    })
    .await;
    let made: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook_deliveries")
        .fetch_one(system.pool("posts"))
        .await
        .unwrap();
    assert_eq!(made, 1);
}

#[tokio::test]
async fn a_webhook_is_told_that_a_part_of_a_post_is_out() {
    let system = start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let receiver = Receiver::start().await;
    let mut request = new_webhook(&team.workspace.id, &receiver.url("/"));
    request.event_types = vec![WebhookEventType::PostPartiallyPublished.into()];
    create(client, request).await.unwrap();
    let second = add_account(&system, &team.account, Platform::X).await;
    let mut request = scheduled(&system, "x", &team.account.id);
    request.platforms.push(target(&second));
    let post = client.create_post(request).await.unwrap();
    expire(&system, &second).await;
    system.clock.turn(TimeDelta::days(1));
    let arrivals = receiver.wait_for("/", 1).await;
    let told = arrivals[0].json();
    assert_eq!(told["type"], "post.partially_published");
    assert_eq!(told["data"]["post_id"], post.id);
}
