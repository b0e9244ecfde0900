//! A database for each test, on the server of the run, cloned from a template that the first test migrated.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash as _, Hasher as _},
    time::Duration,
};

use postbreeze_runtime::postgres::DatabaseConfig;
use secrecy::SecretString;
use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, migrate::Migrator,
    postgres::PgPoolOptions,
};
use uuid::Uuid;

/// Where the server of the run is.
pub const URL_VARIABLE: &str = "POSTBREEZE_TEST_DATABASE_URL";
/// Guards the making of templates: each test is a process of its own.
const TEMPLATE_LOCK: i64 = 7_305_120_443;
/// More than a test makes, so that none pile up.
const SWEPT: usize = 12;
const SWEEP_LOCK: i64 = 7_305_120_444;
/// Longer than in earnest: a machine that also compiles is slow to connect.
const PATIENCE: Duration = Duration::from_secs(10);
/// Begins the name of every test's database; the id of its process follows.
const PREFIX: &str = "test_";

/// A database that one test has for itself. It is dropped when the process of the test has ended, by whoever makes the
/// next one: a test cannot wait for that itself, since the services in it may be connecting at that moment.
pub struct TestDatabase {
    server_url: String,
    name: String,
    pool: PgPool,
}

impl TestDatabase {
    /// How a service of this test opens it.
    #[must_use]
    pub fn config(&self, connections: u32) -> DatabaseConfig {
        let url = SecretString::from(self.server_url.clone());
        DatabaseConfig { url, name: self.name.clone(), connections, patience: PATIENCE }
    }

    /// A few connections of the test's own.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// The URL of the run's server.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the one place where tests learn of their server")]
pub fn server_url() -> String {
    std::env::var(URL_VARIABLE).unwrap_or_else(|_| {
        panic!(
            "{URL_VARIABLE} is not set: run tests with `make test`, or with \
             `cargo run -p postbreeze-testkit --bin with-postgres -- cargo nextest run`"
        )
    })
}

/// A fresh database with a schema.
pub async fn database(owner: &str, migrator: &'static Migrator) -> TestDatabase {
    let server_url = server_url();
    let mut server = PgConnection::connect(&format!("{server_url}/postgres"))
        .await
        .expect("the test server answers");
    let template = template(&mut server, &server_url, owner, migrator).await;
    sweep(&mut server).await;
    let name = format!(
        "{PREFIX}{}_{owner}_{}",
        std::process::id(),
        Uuid::from_u128(rand_number()).simple()
    );
    execute(&mut server, format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
    let pool = PgPoolOptions::new()
        .max_connections(2)
        .connect_lazy(&format!("{server_url}/{name}"))
        .expect("the URL is one");
    TestDatabase { server_url, name, pool }
}

/// Drops databases of processes that have ended, a few, so that no test pays for a whole run; one sweeper at a time is
/// enough.
async fn sweep(server: &mut PgConnection) {
    let mine: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
        .bind(SWEEP_LOCK)
        .fetch_one(&mut *server)
        .await
        .expect("the server answers");
    if !mine {
        return;
    }
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE starts_with(datname, $1)")
            .bind(PREFIX)
            .fetch_all(&mut *server)
            .await
            .expect("the server answers");
    for name in names.into_iter().filter(|name| !is_alive(name)).take(SWEPT) {
        execute(server, format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(SWEEP_LOCK)
        .execute(server)
        .await
        .expect("the lock can be given back");
}

/// Whether the process that made a database still runs.
fn is_alive(name: &str) -> bool {
    let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('_').next());
    process.is_some_and(|id| std::path::Path::new("/proc").join(id).exists())
}

/// The name of the template with this schema; made by whoever needs it first.
async fn template(
    server: &mut PgConnection,
    server_url: &str,
    owner: &str,
    migrator: &'static Migrator,
) -> String {
    let mut hasher = DefaultHasher::new();
    for migration in migrator.iter() {
        migration.checksum.hash(&mut hasher);
    }
    let name = format!("template_{owner}_{:016x}", hasher.finish());
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *server)
        .await
        .expect("the lock can be taken");
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(&name)
            .fetch_one(&mut *server)
            .await
            .expect("the server answers");
    if !exists {
        // Made under another name: a run that is killed leaves no half of a template.
        let unfinished = format!("{name}_new");
        execute(server, format!("DROP DATABASE IF EXISTS {unfinished}")).await;
        execute(server, format!("CREATE DATABASE {unfinished}")).await;
        let mut connection = PgConnection::connect(&format!("{server_url}/{unfinished}"))
            .await
            .expect("the template can be opened");
        migrator.run(&mut connection).await.expect("the schema can be made");
        connection.close().await.expect("the template can be closed");
        execute(server, format!("ALTER DATABASE {unfinished} RENAME TO {name}")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(server)
        .await
        .expect("the lock can be given back");
    name
}

async fn execute(server: &mut PgConnection, statement: String) {
    // Names are ours: letters, digits and underscores.
    sqlx::query(AssertSqlSafe(statement)).execute(server).await.expect("the statement works");
}

/// Distinct for every database of every process of a run.
fn rand_number() -> u128 {
    use std::{hash::BuildHasher as _, hash::RandomState};
    let half = || u128::from(RandomState::new().hash_one(std::process::id()));
    half() << 64 | half()
}
