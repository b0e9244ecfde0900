//! All SQL of this service. A row that is found by an id from outside comes sealed as a `Claim`; what writes a
//! workspace's rows takes what `admit` returned.
//!
//! Rows are locked in this order: the head of the workspace's posts, the posts by id, their targets, counters of the cap
//! by owner and month, the idempotency record.

pub mod attempts;
pub mod comments;
pub mod heads;
pub mod posts;
pub mod targets;
pub mod usage;
pub mod workspace_log;

use sqlx::{PgPool, PgTransaction};

/// The database of this service.
#[derive(Clone)]
pub struct Store {
    pool: PgPool,
}

impl Store {
    /// A store over a pool.
    #[must_use]
    pub fn new(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The connections, for the idempotency records and for transactions.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn begin(&self) -> Result<PgTransaction<'static>, sqlx::Error> {
        self.pool.begin().await
    }
}
