//! What a deleted workspace leaves behind, and how far the log of deletions was read (`workspace_log_position`).

use chrono::{DateTime, Utc};
use postbreeze_ids::WorkspaceId;
use sqlx::PgConnection;

use super::{Store, heads::bury};

impl Store {
    /// The position of the last entry that was dealt with.
    #[tracing::instrument(skip_all, name = "db.workspace_log_position.find", err(level = "debug"))]
    pub(crate) async fn workspace_log_position(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM workspace_log_position")
            .fetch_one(self.pool())
            .await
    }

    /// Deals with a deletion: nothing can be connected any more, every account is disconnected, every token destroyed,
    /// and the position moves on, in one transaction. Doing it again changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub(crate) async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        position: i64,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let bucket = workspace_id.bucket().as_i16();
        let mut transaction = self.pool().begin().await?;
        bury(&mut transaction, workspace_id, now).await?;
        // A disconnection does not ask for the head, so the accounts are locked in the order of their ids.
        sqlx::query!(
            r#"
            WITH locked AS (
                SELECT bucket, id
                FROM accounts
                WHERE bucket = $1 AND workspace_id = $2 AND status <> 'disconnected'
                ORDER BY id
                FOR UPDATE
            )
            UPDATE accounts AS account
            SET status = 'disconnected'
            FROM locked
            WHERE account.bucket = locked.bucket AND account.id = locked.id
            "#,
            bucket,
            workspace_id as WorkspaceId,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            r#"
            DELETE FROM account_tokens AS token
            USING accounts AS account
            WHERE account.bucket = $1
                AND account.workspace_id = $2
                AND token.bucket = account.bucket
                AND token.account_id = account.id
            "#,
            bucket,
            workspace_id as WorkspaceId,
        )
        .execute(&mut *transaction)
        .await?;
        move_on(&mut transaction, position).await?;
        transaction.commit().await
    }

    /// Moves the position on over an entry that is nothing to this version.
    pub(crate) async fn skip_entry(&self, position: i64) -> Result<(), sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        move_on(&mut connection, position).await
    }
}

#[tracing::instrument(skip_all, name = "db.workspace_log_position.move", err(level = "debug"))]
async fn move_on(connection: &mut PgConnection, position: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE workspace_log_position SET position = GREATEST(position, $1)", position,)
        .execute(connection)
        .await?;
    Ok(())
}
