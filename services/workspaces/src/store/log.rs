//! `workspace_log` and its head.

use chrono::{DateTime, Utc};
use postbreeze_ids::WorkspaceId;

use super::{Store, Team};

/// An entry. There is one kind of event so far.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    pub(crate) position: i64,
    pub(crate) workspace_id: WorkspaceId,
}

impl Store {
    /// At most `limit` entries after a position, oldest first.
    #[tracing::instrument(skip_all, name = "db.workspace_log.list", err(level = "debug"))]
    pub(crate) async fn log_after(
        &self,
        position: i64,
        limit: i64,
    ) -> Result<Vec<LogRow>, sqlx::Error> {
        sqlx::query_as!(
            LogRow,
            r#"
            SELECT
                position,
                workspace_id AS "workspace_id: WorkspaceId"
            FROM workspace_log
            WHERE position > $1
            ORDER BY position
            LIMIT $2
            "#,
            position,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// The position of the last entry ever appended.
    #[tracing::instrument(skip_all, name = "db.workspace_log_head.find", err(level = "debug"))]
    pub(crate) async fn log_end(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM workspace_log_head").fetch_one(self.pool()).await
    }
}

impl Team {
    /// Appends that the workspace was deleted. The last statement before the commit: everybody else who appends waits
    /// for this transaction.
    #[tracing::instrument(skip_all, name = "db.workspace_log.insert", err(level = "debug"))]
    pub(crate) async fn append_deleted(&mut self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            WITH head AS (
                UPDATE workspace_log_head
                SET position = position + 1
                WHERE only_row
                RETURNING position
            )
            INSERT INTO workspace_log (position, workspace_id, event, create_time)
            SELECT head.position, $1, 'deleted', $2
            FROM head
            ",
            self.workspace_id as WorkspaceId,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
