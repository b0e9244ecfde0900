//! Calls that hold every connection to the database keep no post from going out.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use postbreeze_proto::v1::{PostStatus, UpdateWebhookRequest};
use sqlx::PgPool;
use tokio::time::sleep;

use crate::support::{System, create, new_webhook, scheduled, until};

/// Connections of the service in a test.
const CONNECTIONS: i64 = 8;

/// Calls that wait for a row which the test holds.
async fn waiting(pool: &PgPool) -> i64 {
    let waiting = "
        SELECT count(*)
        FROM pg_stat_activity
        WHERE datname = current_database() AND wait_event_type = 'Lock'";
    sqlx::query_scalar(waiting).fetch_one(pool).await.unwrap()
}

#[tokio::test]
async fn a_due_post_goes_out_while_calls_hold_every_connection() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = new_webhook(&team.workspace.id, "https://example.com/");
    let (webhook, _) = create(&team.admin.session, request).await.unwrap();
    let post = client.create_post(scheduled(&system, "content", &team.account.id)).await.unwrap();

    let pool = system.pool("posts");
    let mut holding = pool.begin().await.unwrap();
    let lock = "SELECT FROM webhooks FOR NO KEY UPDATE";
    sqlx::query(lock).execute(&mut *holding).await.unwrap();
    let (over, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // More than there are connections; each that gives up tries again.
    let callers: Vec<_> = (0..2 * CONNECTIONS)
        .map(|_| {
            let client = team.admin.session.clone();
            let (over, ended) = (Arc::clone(&over), Arc::clone(&ended));
            let request = UpdateWebhookRequest {
                webhook_id: webhook.id.clone(),
                enabled: Some(true),
                ..Default::default()
            };
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    drop(client.webhooks().update_webhook(request.clone()).await);
                    ended.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    while waiting(pool).await < CONNECTIONS {
        sleep(Duration::from_millis(5)).await;
    }
    system.clock.turn(TimeDelta::days(1));
    until(client, &post.id, PostStatus::Published).await;
    assert_eq!(ended.load(Ordering::SeqCst), 0, "no call had given its connection back");
    over.store(true, Ordering::SeqCst);
    holding.rollback().await.unwrap();
    for caller in callers {
        caller.await.unwrap();
    }
}
