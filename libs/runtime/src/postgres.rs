//! A service's own database on the server that `POSTBREEZE_DATABASE_URL` names: opening, migrating, telling whether it
//! is ready, and what an error of it means.

mod pool;
mod probe;
mod statements;
mod trouble;

use std::{str::FromStr as _, sync::Arc, time::Duration};

use secrecy::{ExposeSecret as _, SecretString};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgPool,
    migrate::{MigrateError, Migrator},
    postgres::PgConnectOptions,
};

use self::{
    pool::{Epoch, Pool},
    probe::Probe,
};
use crate::config::{ConfigError, Lookup};

pub use self::{
    probe::NotReady,
    statements::{Lease, Statements},
    trouble::{Trouble, bounded, is_about_values, status_of, trouble, violated_constraint},
};

/// Where the server is.
pub const URL_VARIABLE: &str = "POSTBREEZE_DATABASE_URL";
const CONNECTIONS_VARIABLE: &str = "POSTBREEZE_DATABASE_CONNECTIONS";

/// Far longer than a statement takes, and short enough for the caller to hear of it in time.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long the server runs a statement at most.
const STATEMENT_TIMEOUT: &str = "6s";
/// How long a connection whose statement was given up may take to answer: as long as the server may still run that.
const RETURN_WITHIN: Duration = Duration::from_secs(7);
/// After 700 ms without a next statement the server ends a transaction, and with it its locks: transactions do nothing between
/// their statements but compute. A call that waits longer than 2 s for a lock is told so: a queue of stopped replicas is not
/// waited for to its end.
const SHORT_LOCKS: [(&str, &str); 2] =
    [("idle_in_transaction_session_timeout", "700ms"), ("lock_timeout", "2s")];
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
    /// Reads the settings of a service, whose database is `postbreeze_<service>`.
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
                ("statement_timeout", STATEMENT_TIMEOUT),
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
    pool: Pool,
    statements: Statements,
    probe: Arc<Probe>,
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
        let needed = migrator.iter().map(|migration| migration.version).max().unwrap_or(0);
        let epoch = Epoch::default();
        let probe = Arc::new(Probe::new(options.clone(), epoch.clone(), needed));
        let (connections, patience) = (config.connections, config.patience);
        let pool = Pool::new(options.clone(), connections, patience, epoch.clone());
        let statements = Statements::new(options, connections, patience, epoch);
        Ok(Self { pool, statements, probe, config, migrator })
    }

    /// The same database over connections of its own, which nothing else can take: so many for transactions, and so many for
    /// single statements.
    #[must_use]
    pub fn reserved(&self, transactions: u32, statements: u32) -> Self {
        Self {
            pool: self.pool.resized(transactions),
            statements: self.statements.resized(statements),
            ..self.clone()
        }
    }

    /// The same database over transactions that let go of their locks soon, for what says who may do what: an answer that takes
    /// authority away does not wait long for a replica that was stopped, or cut off, between two statements.
    #[must_use]
    pub fn with_short_locks(&self) -> Self {
        Self { pool: self.pool.with_session_settings(&SHORT_LOCKS), ..self.clone() }
    }

    /// The connections, for transactions and what is not read often. Ask for it each time: when connections have failed,
    /// others take their place.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        self.pool.current()
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

    /// Whether the server answers, takes writes, and has at least the schema that this program knows.
    ///
    /// # Errors
    /// Why not.
    pub async fn readiness(&self) -> Result<(), NotReady> {
        self.probe.ask().await
    }

    /// As [`Database::readiness`], without the cause.
    pub async fn is_ready(&self) -> bool {
        self.readiness().await.is_ok()
    }
}

fn is_duplicate_database(error: &sqlx::Error) -> bool {
    // 42P04 duplicate_database; 23505 when two processes create it in the same instant.
    error
        .as_database_error()
        .and_then(sqlx::error::DatabaseError::code)
        .is_some_and(|code| code == "42P04" || code == "23505")
}
