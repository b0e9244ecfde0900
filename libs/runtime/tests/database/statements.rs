//! Connections for single statements, against a real server: none is used again that may not be sound, and none is lost
//! because a caller has given up.

use std::{collections::HashSet, time::Duration};

use futures_util::future::join_all;
use postbreeze_runtime::postgres::{Statements, Trouble, trouble};
use tokio::time::timeout;

use crate::database;

async fn backend(statements: &Statements) -> Result<i32, sqlx::Error> {
    let mut lease = statements.lease().await?;
    let pid = sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(lease.connection()).await;
    lease.end(pid)
}

#[tokio::test]
async fn a_connection_whose_statement_ended_is_used_again() {
    let database = database(2);
    let first = backend(database.statements()).await.unwrap();
    assert_eq!(backend(database.statements()).await.unwrap(), first);
}

#[tokio::test]
async fn calls_that_are_given_up_cost_no_connections() {
    const CONNECTIONS: u32 = 3;
    let database = database(CONNECTIONS);
    let statements = database.statements();
    let mut backends = HashSet::new();
    for _ in 0..40 {
        let given_up = (0..CONNECTIONS).map(|_| async {
            let mut lease = statements.lease().await.unwrap();
            // Longer than its caller waits, and soon over.
            let asleep = sqlx::query("SELECT pg_sleep(0.05)").execute(lease.connection());
            assert!(timeout(Duration::from_millis(5), asleep).await.is_err());
        });
        join_all(given_up).await;
        for pid in join_all((0..CONNECTIONS).map(|_| backend(statements))).await {
            backends.insert(pid.unwrap());
        }
    }
    assert!(backends.len() <= 3, "{} backends served 3 connections", backends.len());
}

#[tokio::test]
async fn statements_that_are_given_up_count_as_long_as_the_server_runs_them() {
    let database = database(1);
    let statements = database.statements();
    let first = backend(statements).await.unwrap();
    let mut lease = statements.lease().await.unwrap();
    let asleep = sqlx::query("SELECT pg_sleep(1)").execute(lease.connection());
    assert!(timeout(Duration::from_millis(50), asleep).await.is_err());
    drop(lease);
    // Its turn comes when the server has answered, not before, on the same connection.
    assert!(timeout(Duration::from_millis(200), statements.lease()).await.is_err());
    assert_eq!(backend(statements).await.unwrap(), first);
}

#[tokio::test]
async fn a_statement_that_fails_costs_no_connection() {
    let database = database(1);
    let statements = database.statements();
    let first = backend(statements).await.unwrap();
    let mut lease = statements.lease().await.unwrap();
    let failed = sqlx::query("SELECT 1 / 0").execute(lease.connection()).await;
    assert_eq!(trouble(&lease.end(failed).unwrap_err()), Trouble::Ours);
    assert_eq!(backend(statements).await.unwrap(), first);
}

#[tokio::test]
async fn a_connection_that_the_server_ended_costs_one_call() {
    let database = database(1);
    let pid = backend(database.statements()).await.unwrap();
    let killed: bool = sqlx::query_scalar("SELECT pg_terminate_backend($1, 2000)")
        .bind(pid)
        .fetch_one(database.pool())
        .await
        .unwrap();
    assert!(killed);
    let error = backend(database.statements()).await.unwrap_err();
    assert_eq!(trouble(&error), Trouble::Unavailable);
    assert_ne!(backend(database.statements()).await.unwrap(), pid);
}

#[tokio::test]
async fn more_than_there_are_wait_for_their_turn() {
    let database = database(1);
    let held = database.statements().lease().await.unwrap();
    let waiting = timeout(Duration::from_millis(100), database.statements().lease()).await;
    assert!(waiting.is_err());
    drop(held);
    backend(database.statements()).await.unwrap();
}
