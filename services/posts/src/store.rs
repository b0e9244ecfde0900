//! All SQL of this service. A row that is found by an id from outside comes sealed as a `Claim`; what writes a
//! workspace's rows takes what `admit` returned.
//!
//! Rows are locked in this order: the head of the workspace's posts, the posts by id, their targets, counters of the cap
//! by owner and month, the notices for `media`, comments and their head, accounts whose comments are fetched by id, events,
//! webhooks by id, their secrets and deliveries, the idempotency record.

pub mod account_log;
pub mod attempts;
pub mod comment_feeds;
pub mod comment_refreshes;
pub mod comment_sources;
pub mod comments;
pub mod deliveries;
pub mod due;
pub mod events;
pub mod heads;
pub mod lookout;
pub mod media_notices;
pub mod outgoing;
pub mod posts;
pub mod targets;
pub mod usage;
pub mod webhook_secrets;
pub mod webhooks;
pub mod workspace_log;

use postbreeze_runtime::postgres::{Database, Lease, Statements};
use sqlx::{PgPool, PgTransaction};

/// The database of this service.
#[derive(Clone)]
pub struct Store {
    database: Database,
    statements: Statements,
}

impl Store {
    /// The store of a database.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        Self { database: database.clone(), statements: database.statements().clone() }
    }

    /// The database itself.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The connections for single statements.
    #[must_use]
    pub fn statements(&self) -> &Statements {
        &self.statements
    }

    /// The connections, for the idempotency records and for transactions.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// A connection for one statement.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn lease(&self) -> Result<Lease<'_>, sqlx::Error> {
        self.statements.lease().await
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        self.pool().begin().await
    }
}
