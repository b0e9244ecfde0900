//! How an entry is marked as handled.

use sqlx::{AssertSqlSafe, PgConnection, PgPool};

/// An attempt at an entry: it marks the entry as handled in the transaction of its effect.
#[derive(Debug, Clone, Copy)]
pub struct Pass {
    kind: Kind,
    position: i64,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// The first attempt moves the position of this table.
    First(&'static str),
    /// A retry deletes the entry that was set aside of this log.
    Retry(&'static str),
}

impl Pass {
    pub(crate) fn first(position_table: &'static str, position: i64) -> Self {
        Self { kind: Kind::First(position_table), position }
    }

    pub(crate) fn retry(log: &'static str, position: i64) -> Self {
        Self { kind: Kind::Retry(log), position }
    }

    /// Marks the entry as handled; `false` when another replica was first. Waits for one that is about to commit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark(&self, transaction: &mut PgConnection) -> Result<bool, sqlx::Error> {
        let marked = match self.kind {
            Kind::First(table) => {
                // The name is a constant of the program.
                let moved = format!("UPDATE {table} SET position = $1 WHERE position < $1");
                sqlx::query(AssertSqlSafe(moved)).bind(self.position).execute(transaction).await?
            }
            Kind::Retry(log) => {
                const SETTLE: &str =
                    "DELETE FROM failed_log_entries WHERE log = $1 AND position = $2";
                sqlx::query(SETTLE).bind(log).bind(self.position).execute(transaction).await?
            }
        };
        Ok(marked.rows_affected() == 1)
    }

    /// Marks an entry as handled that has no effect here.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark_alone(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        let mut connection = pool.acquire().await?;
        self.mark(&mut connection).await.map(drop)
    }
}
