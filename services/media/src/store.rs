//! All SQL of this service. A row that is found by an id from outside comes sealed as a `Claim`; what writes a
//! workspace's rows takes what `admit` returned.
//!
//! Rows are locked in this order: the workspace, the post, media in the order of their ids, folders, the storage of owners
//! in the order of their ids, the uses of media, the position in the log, the idempotency record.

pub(crate) mod due;
pub(crate) mod folders;
pub(crate) mod media;
pub(crate) mod usage;
pub(crate) mod uses;
pub(crate) mod workspace_log;
pub(crate) mod workspaces;

use postbreeze_runtime::postgres::{Database, Statements};
use sqlx::{PgPool, PgTransaction};

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    statements: Statements,
}

impl Store {
    /// The store of a database.
    pub(crate) fn new(database: &Database) -> Self {
        Self { database: database.clone(), statements: database.statements().clone() }
    }

    /// The database itself.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// The connections for single statements.
    pub(crate) fn statements(&self) -> &Statements {
        &self.statements
    }

    /// The connections, for the idempotency records.
    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        self.pool().begin().await
    }
}
