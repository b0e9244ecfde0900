//! A database for one test, dropped when it ends, also when it fails.

use std::{env, panic, str::FromStr as _};

use postbreeze_idempotency::{CLAIMS_SCHEMA, SCHEMA};
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::user;

const URL: &str = "POSTBREEZE_TEST_DATABASE_URL";

/// What the effects of the tests do. A name is taken once.
const EFFECTS: &str = "CREATE TABLE effects (name TEXT UNIQUE)";

/// Runs a test on a database of its own. The test is a task of its own: what it calls is fit for a handler, which must
/// be `Send`.
#[expect(clippy::disallowed_methods, reason = "where tests learn of their server")]
pub(crate) async fn with_database<F>(test: impl FnOnce(PgPool) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let url = env::var(URL).unwrap_or_else(|_| {
        panic!(
            "{URL} must name a Postgres server, as postgres://postgres:…@127.0.0.1:5432/postgres"
        )
    });
    let server = PgConnectOptions::from_str(&url).unwrap();
    let name = format!("idempotency_{}", user().uuid().simple());
    let mut admin = PgConnection::connect_with(&server).await.unwrap();
    admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();

    // Fewer connections than the twins of any test: they must not starve one another.
    let pool = PgPoolOptions::new().max_connections(6);
    let pool = pool.connect_with(server.database(&name)).await.unwrap();
    pool.execute(SCHEMA).await.unwrap();
    pool.execute(CLAIMS_SCHEMA).await.unwrap();
    pool.execute(EFFECTS).await.unwrap();
    let done = tokio::spawn(test(pool)).await;

    admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await.unwrap();
    if let Err(error) = done {
        panic::resume_unwind(error.into_panic());
    }
}

/// How many effects were committed.
pub(crate) async fn effects(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM effects").fetch_one(pool).await.unwrap()
}

/// How many answers there are, kept or not swept.
pub(crate) async fn records(pool: &PgPool) -> i64 {
    sqlx::query_scalar("SELECT count(*) FROM idempotency").fetch_one(pool).await.unwrap()
}
