//! Connections for single statements, against a real server: none is used again that may not be sound.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::time::Duration;

use postbreeze_runtime::postgres::{Database, DatabaseConfig, Statements, Trouble, trouble};
use postbreeze_testkit::postgres::server_url;
use sqlx::migrate::Migrator;
use tokio::time::timeout;

static NO_SCHEMA: Migrator = Migrator::DEFAULT;

fn database(connections: u32) -> Database {
    let (url, name) = (server_url().into(), "postgres".to_owned());
    let config = DatabaseConfig { url, name, connections, patience: Duration::from_secs(10) };
    Database::new(config, &NO_SCHEMA).unwrap()
}

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
async fn a_connection_whose_statement_was_given_up_is_not_used_again() {
    let database = database(1);
    let first = backend(database.statements()).await.unwrap();
    let mut lease = database.statements().lease().await.unwrap();
    let asleep = sqlx::query("SELECT pg_sleep(5)").execute(lease.connection());
    assert!(timeout(Duration::from_millis(100), asleep).await.is_err());
    drop(lease);
    assert_ne!(backend(database.statements()).await.unwrap(), first);
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
