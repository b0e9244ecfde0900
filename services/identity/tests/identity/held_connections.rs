//! Calls that hold every connection for transactions keep nobody from being authenticated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use postbreeze_proto::v1::{ListWorkspacesRequest, UpdateApiKeyRequest};
use sqlx::PgPool;
use tokio::time::sleep;

use crate::support::{System, workspace};

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
async fn keys_are_authenticated_while_calls_hold_every_connection() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let acme = workspace(&ann, "Acme").await;
    let (key, full) = ann.full_key().await.unwrap();
    let (_, scoped) = ann.scoped_key(&[&acme.id]).await.unwrap();

    let pool = system.pool("identity");
    let mut holding = pool.begin().await.unwrap();
    let lock = "SELECT FROM api_keys FOR NO KEY UPDATE";
    sqlx::query(lock).execute(&mut *holding).await.unwrap();
    let over = Arc::new(AtomicBool::new(false));
    // More than there are connections; each that gives up tries again.
    let callers: Vec<_> = (0..2 * CONNECTIONS)
        .map(|_| {
            let (client, over) = (ann.session.clone(), Arc::clone(&over));
            let request = UpdateApiKeyRequest {
                key_id: key.id.clone(),
                display_name: "renamed".to_owned(),
                ..Default::default()
            };
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    drop(client.keys().update_api_key(request.clone()).await);
                }
            })
        })
        .collect();
    while waiting(pool).await < CONNECTIONS {
        sleep(Duration::from_millis(5)).await;
    }
    for client in [&ann.session, &full, &scoped] {
        let answer = client.workspaces().list_workspaces(ListWorkspacesRequest::default()).await;
        assert_eq!(answer.unwrap().into_inner().workspaces.len(), 1);
    }
    assert!(waiting(pool).await > 0, "the connections were held all the while");
    over.store(true, Ordering::SeqCst);
    holding.rollback().await.unwrap();
    for caller in callers {
        caller.await.unwrap();
    }
}
