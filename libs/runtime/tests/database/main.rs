//! A service's database, against a real server: also one that goes silent, refuses, or takes no writes.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod proxy;
mod readiness;
mod silence;
mod statements;

use std::time::Duration;

use postbreeze_runtime::postgres::{Database, DatabaseConfig};
use postbreeze_testkit::postgres::{self, TestDatabase, server_url};
use secrecy::SecretString;
use sqlx::migrate::Migrator;

static NO_SCHEMA: Migrator = Migrator::DEFAULT;

/// A database of the test's own, migrated as a program without a schema needs it, and its name.
async fn migrated() -> (TestDatabase, String) {
    let test = postgres::database("runtime", &NO_SCHEMA).await;
    let name: String =
        sqlx::query_scalar("SELECT current_database()").fetch_one(test.pool()).await.unwrap();
    (test, name)
}

/// The database that every server has, without migrations.
fn database(connections: u32) -> Database {
    open(server_url(), "postgres", connections)
}

fn open(url: String, name: &str, connections: u32) -> Database {
    let (url, name) = (SecretString::from(url), name.to_owned());
    let config = DatabaseConfig { url, name, connections, patience: Duration::from_secs(10) };
    Database::new(config, &NO_SCHEMA).unwrap()
}
