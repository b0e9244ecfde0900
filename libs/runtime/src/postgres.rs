//! A service's own database on the server that `POSTBREEZE_DATABASE_URL` names: opening, migrating, telling whether it
//! is ready, and what an error of it means.

mod authority;
mod statements;

use std::{str::FromStr as _, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool,
    error::DatabaseError,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::config::{ConfigError, Lookup};

pub use authority::let_go_of_locks_soon;
pub use statements::{Lease, Statements};

/// Where the server is.
pub const URL_VARIABLE: &str = "POSTBREEZE_DATABASE_URL";
const CONNECTIONS_VARIABLE: &str = "POSTBREEZE_DATABASE_CONNECTIONS";

/// Connections of a pool of its own that readiness is asked over: a busy database is not an absent one.
const PROBES: u32 = 1;

/// SQLSTATE of a statement that ran into `statement_timeout`.
const QUERY_CANCELED: &str = "57014";
/// SQLSTATE of a statement that waited for a lock longer than `lock_timeout`.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// Far longer than a statement takes, and short enough for the caller to hear of it in time.
const PATIENCE: Duration = Duration::from_secs(2);
/// Held while schemas are migrated, by one process at a time.
const MIGRATION_LOCK: i64 = 7_305_120_442;

/// Settings of a service's database.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// The server, `postgres://user:password@host:port`, whose path is ignored.
    pub url: SecretString,
    /// The database on it.
    pub name: String,
    /// Connections of this process at the most for transactions, and as many for single
    /// statements.
    pub connections: u32,
    /// How long a caller waits for its turn on one of them, and for a new one to come about.
    pub patience: Duration,
}

impl DatabaseConfig {
    /// Statements the settings of a service, whose database is `postbreeze_<service>`.
    ///
    /// # Errors
    /// When the URL is missing or no Postgres URL, or the number of connections is not 1 to 200.
    pub fn read(lookup: &Lookup, service: &str) -> Result<Self, ConfigError> {
        let url = lookup.required_secret(URL_VARIABLE)?;
        let text = url.expose_secret();
        let is_ours = text.starts_with("postgres://") || text.starts_with("postgresql://");
        if !is_ours || PgConnectOptions::from_str(text).is_err() {
            return Err(ConfigError::new(URL_VARIABLE, "is not a postgres:// URL"));
        }
        let connections = lookup.parsed(CONNECTIONS_VARIABLE, 6)?;
        if !(1..=200).contains(&connections) {
            return Err(ConfigError::new(CONNECTIONS_VARIABLE, "must be 1 to 200"));
        }
        Ok(Self { url, name: format!("postbreeze_{service}"), connections, patience: PATIENCE })
    }

    fn options(&self) -> Result<PgConnectOptions, sqlx::Error> {
        let options = PgConnectOptions::from_str(self.url.expose_secret())?
            .database(&self.name)
            .log_statements(tracing::log::LevelFilter::Debug)
            .options([
                // Dropping a future does not stop the server: this does, soon after the longest default deadline.
                ("statement_timeout", "6s"),
                ("lock_timeout", "5s"),
                ("idle_in_transaction_session_timeout", "15s"),
                // Our statements have fixed shapes; a plan chosen by the length of an array can be a thousand times worse.
                ("plan_cache_mode", "force_generic_plan"),
                // They find rows by key, a page at a time: probing an index for each beats reading a table to hash it.
                ("enable_hashjoin", "off"),
                ("enable_mergejoin", "off"),
            ]);
        Ok(options)
    }
}

/// A service's database. Connects when first used, and again whenever needed.
#[derive(Clone)]
pub struct Database {
    pool: PgPool,
    statements: Statements,
    probe: PgPool,
    config: DatabaseConfig,
    migrator: &'static Migrator,
}

impl Database {
    /// The database of a service, whose schema `migrator` makes.
    ///
    /// # Errors
    /// When the URL cannot be parsed.
    pub fn new(config: DatabaseConfig, migrator: &'static Migrator) -> Result<Self, sqlx::Error> {
        let options = config.options()?;
        let pool = |connections| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(config.patience)
                // A query on a dead connection fails anyway; asking first would double the round trips.
                .test_before_acquire(false)
                .connect_lazy_with(options.clone())
        };
        let statements = Statements::new(options.clone(), config.connections, config.patience);
        let (pool, probe) = (pool(config.connections), pool(PROBES));
        Ok(Self { pool, statements, probe, config, migrator })
    }

    /// The connections, for transactions and what is not read often.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The connections for the single statements of nearly every call.
    #[must_use]
    pub fn statements(&self) -> &Statements {
        &self.statements
    }

    /// Makes the database if it is missing, and brings its schema up to date. Safe to run from several processes.
    ///
    /// # Errors
    /// When the server cannot be reached or refuses.
    pub async fn migrate(&self) -> Result<(), MigrateError> {
        let options = self.config.options()?;
        let mut server = options.clone().database("postgres").connect().await?;
        let exists: bool =
            sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
                .bind(&self.config.name)
                .fetch_one(&mut server)
                .await?;
        if !exists {
            // The name is ours, letters and underscores; CREATE DATABASE takes no parameters.
            let create = format!("CREATE DATABASE \"{}\"", self.config.name);
            match sqlx::query(AssertSqlSafe(create)).execute(&mut server).await {
                Err(error) if is_duplicate_database(&error) => {}
                created => {
                    created?;
                }
            }
        }
        server.close().await?;
        let mut connection = options.options([("statement_timeout", "0")]).connect().await?;
        // Whoever is second waits for as long as the first takes; a migration itself waits for no lock that long.
        sqlx::query("SET lock_timeout = 0").execute(&mut connection).await?;
        sqlx::query("SELECT pg_advisory_lock($1)")
            .bind(MIGRATION_LOCK)
            .execute(&mut connection)
            .await?;
        sqlx::query("SET lock_timeout = '5s'").execute(&mut connection).await?;
        self.migrator.run(&mut connection).await?;
        connection.close().await?;
        Ok(())
    }

    /// Whether the server answers and the schema is at least the one this program knows.
    pub async fn is_ready(&self) -> bool {
        let wanted = self.migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
        let newest: Result<Option<i64>, _> =
            sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations WHERE success")
                .fetch_one(&self.probe)
                .await;
        newest.is_ok_and(|newest| newest.unwrap_or(0) >= wanted)
    }
}

fn is_duplicate_database(error: &sqlx::Error) -> bool {
    // 42P04 duplicate_database; 23505 when two processes create it in the same instant.
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "42P04" || code == "23505")
}

/// What an error of the database means to the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No connection, or the server is going down: trying again can help.
    Unavailable,
    /// The statement ran into its time limit.
    TooSlow,
    /// A failure of ours.
    Ours,
}

/// Classifies an error that no rule of the service explains.
#[must_use]
pub fn trouble(error: &sqlx::Error) -> Trouble {
    match error {
        sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::Io(_)
        | sqlx::Error::WorkerCrashed => Trouble::Unavailable,
        sqlx::Error::Database(cause) => match cause.code().as_deref() {
            Some(QUERY_CANCELED | LOCK_NOT_AVAILABLE) => Trouble::TooSlow,
            // Connection exceptions, a server that has become a standby, transactions that idled too long, insufficient
            // resources, operator intervention, serialization and deadlock.
            Some(code)
                if ["08", "25006", "25P03", "53", "57", "40"]
                    .iter()
                    .any(|class| code.starts_with(class)) =>
            {
                Trouble::Unavailable
            }
            // The database does not exist yet, or is not migrated yet: the service is not ready.
            Some("3D000" | "42P01") => Trouble::Unavailable,
            _ => Trouble::Ours,
        },
        _ => Trouble::Ours,
    }
}

/// Whether an error is about the values that were to be written, data exceptions and violated constraints: it would be the
/// same at any other time.
#[must_use]
pub fn is_about_values(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

/// The name of the constraint that an error violates, if it is that.
#[must_use]
pub fn violated_constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error().and_then(|cause| cause.constraint())
}

/// The answer to an error of the database that no rule of the service explains. Logs the cause, once, with its chain.
#[must_use]
pub fn status_of(error: &sqlx::Error) -> tonic::Status {
    use postbreeze_proto::status::{Fault, Reason, deadline_exceeded, internal};
    match trouble(error) {
        Trouble::Unavailable => {
            tracing::warn!(cause = error as &dyn std::error::Error, "the database cannot be used");
            Fault::new(Reason::SourceUnreachable, "the database cannot be reached")
                .retry_after(Duration::from_millis(500))
                .into()
        }
        Trouble::TooSlow => deadline_exceeded(),
        Trouble::Ours => {
            tracing::error!(cause = error as &dyn std::error::Error, "a query failed");
            internal()
        }
    }
}
