//! A database per test, dropped with it.

use postbreeze_runtime::postgres::{Database, DatabaseConfig};
use postbreeze_workspaces::MIGRATOR;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use uuid::Uuid;

/// A migrated database that nobody else has.
pub(crate) struct TestDatabase {
    url: String,
    name: String,
    database: Database,
}

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        #[expect(clippy::disallowed_methods, reason = "where the tests' server is")]
        let url = std::env::var("POSTBREEZE_TEST_DATABASE_URL")
            .expect("POSTBREEZE_TEST_DATABASE_URL names a server for tests");
        let name = format!("test_workspaces_{}", Uuid::from_u128(rand::random()).simple());
        let config = DatabaseConfig { url: url.clone().into(), name: name.clone(), connections: 8 };
        let database = Database::new(config, &MIGRATOR).unwrap();
        database.migrate().await.unwrap();
        Self { url, name, database }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (url, name) = (self.url.clone(), self.name.clone());
        // A runtime cannot be waited for from within itself, hence the thread.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async move {
                let mut server = PgConnection::connect(&url).await?;
                let drop = format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)");
                sqlx::query(AssertSqlSafe(drop)).execute(&mut server).await?;
                server.close().await
            })
        });
        // What cannot be dropped stays on a server for tests; the test's own outcome counts.
        drop(dropped.join());
    }
}
