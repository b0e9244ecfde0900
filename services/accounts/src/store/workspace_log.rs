//! What a deleted workspace leaves behind.

use chrono::{DateTime, Utc};
use postbreeze_context::workspace_log::Pass;
use postbreeze_ids::WorkspaceId;

use super::{Store, heads::bury};

impl Store {
    /// Deals with a deletion: nothing can be connected any more, every account is disconnected, every token destroyed,
    /// and the entry is marked as handled, in one transaction. Doing it again changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub(crate) async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        pass: Pass,
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
        pass.mark(&mut transaction).await?;
        transaction.commit().await
    }
}
