//! Calls that hold every connection for transactions keep nobody from being authenticated.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
    let (over, ended) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // More than there are connections; each that gives up tries again.
    let callers: Vec<_> = (0..2 * CONNECTIONS)
        .map(|_| {
            let client = ann.session.clone();
            let (over, ended) = (Arc::clone(&over), Arc::clone(&ended));
            let request = UpdateApiKeyRequest {
                key_id: key.id.clone(),
                display_name: "renamed".to_owned(),
                ..Default::default()
            };
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    drop(client.keys().update_api_key(request.clone()).await);
                    ended.fetch_add(1, Ordering::SeqCst);
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
    assert_eq!(ended.load(Ordering::SeqCst), 0, "no call had given its connection back");
    over.store(true, Ordering::SeqCst);
    holding.rollback().await.unwrap();
    for caller in callers {
        caller.await.unwrap();
    }
}
