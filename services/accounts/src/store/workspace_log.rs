//! What a deleted workspace leaves behind, and how far the log of deletions was read (`workspace_log_position`).

use postbreeze_ids::WorkspaceId;

use super::Store;

impl Store {
    /// The position of the last entry that was dealt with.
    #[tracing::instrument(skip_all, name = "db.workspace_log_position.find", err(level = "debug"))]
    pub(crate) async fn workspace_log_position(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM workspace_log_position")
            .fetch_one(self.pool())
            .await
    }

    /// Deals with a deletion: every account is disconnected, every token destroyed, and the position moves on, in one
    /// transaction. Doing it again changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub(crate) async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        position: i64,
    ) -> Result<(), sqlx::Error> {
        let bucket = workspace_id.bucket().as_i16();
        let mut transaction = self.pool().begin().await?;
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
        sqlx::query!(
            r#"
            UPDATE accounts
            SET status = 'disconnected'
            WHERE bucket = $1 AND workspace_id = $2 AND status <> 'disconnected'
            "#,
            bucket,
            workspace_id as WorkspaceId,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE workspace_log_position SET position = GREATEST(position, $1)",
            position,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }
}
