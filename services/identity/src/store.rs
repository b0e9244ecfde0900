//! All SQL of this service. A change of a key locks the key's row first; where several rows of a table are locked, it is
//! in the order of their ids.

pub(crate) mod allow_lists;
pub(crate) mod credentials;
pub(crate) mod keys;
pub(crate) mod secrets;
pub(crate) mod sessions;
pub(crate) mod users;

use postbreeze_runtime::postgres::{Database, Statements};
use sqlx::PgPool;

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    statements: Statements,
}

impl Store {
    /// The store of a database.
    pub(crate) fn new(database: &Database) -> Self {
        Self { database: database.with_short_locks(), statements: database.statements().clone() }
    }

    /// The connections for single statements.
    pub(crate) fn statements(&self) -> &Statements {
        &self.statements
    }

    /// The connections, for the idempotency records and for transactions.
    pub(crate) fn pool(&self) -> &PgPool {
        self.database.pool()
    }
}
