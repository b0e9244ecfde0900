//! All SQL of this service. A row that is found by an id from outside comes sealed as a `Claim`; what writes a
//! workspace's rows takes what `admit` returned.

pub(crate) mod accounts;
pub(crate) mod connect_states;
mod heads;
pub(crate) mod workspace_log;

use sqlx::PgPool;

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    pool: PgPool,
}

impl Store {
    /// A store over a pool.
    pub(crate) fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The connections, for the idempotency records.
    pub(crate) fn pool(&self) -> &PgPool {
        &self.pool
    }
}
