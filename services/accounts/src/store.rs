//! All SQL of this service. A row that is found by an id from outside comes sealed as a `Claim`; what writes a
//! workspace's rows takes what `admit` returned.
//!
//! Rows are locked in this order: the state of a connection, the workspace's head, its accounts in the order of their
//! ids, their tokens, the position in the log of workspaces, the head of the log of accounts, the idempotency record.

pub(crate) mod account_log;
pub(crate) mod accounts;
pub(crate) mod connect_states;
pub(crate) mod heads;
pub(crate) mod mastodon_apps;
pub(crate) mod sandbox;
pub(crate) mod sendings;
pub(crate) mod sessions;
pub(crate) mod tokens;
pub(crate) mod workspace_log;

use std::sync::Arc;

use postbreeze_runtime::postgres::{Database, Statements};
use sqlx::PgPool;
use tokio::sync::Notify;

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    statements: Statements,
    /// Wakes who waits for the log of accounts, when this process has appended to it.
    appended: Arc<Notify>,
}

impl Store {
    /// The store of a database.
    pub(crate) fn new(database: &Database) -> Self {
        Self {
            database: database.clone(),
            statements: database.statements().clone(),
            appended: Arc::default(),
        }
    }

    /// Woken when this process has appended to the log of accounts.
    pub(crate) fn appended(&self) -> &Notify {
        &self.appended
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
}
