//! Table `comment_refreshes`: when the comments of workspaces were last fetched because somebody wished it.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::WorkspaceId;

use super::Store;

impl Store {
    /// Notes that a workspace's comments are fetched because somebody wishes it, unless that was done since an instant:
    /// then that is the answer.
    #[tracing::instrument(skip_all, name = "db.comment_refreshes.note", err(level = "debug"))]
    pub async fn note_refresh(
        &self,
        workspace: &Admitted<()>,
        since: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        let bucket = workspace_id.bucket().as_i16();
        let noted = sqlx::query!(
            r#"
            INSERT INTO comment_refreshes AS refresh (bucket, workspace_id, refresh_time)
            VALUES ($1, $2, $4)
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET refresh_time = excluded.refresh_time
            WHERE refresh.refresh_time <= $3
            "#,
            bucket,
            workspace_id as WorkspaceId,
            since,
            now,
        )
        .execute(self.pool())
        .await?;
        if noted.rows_affected() == 1 {
            return Ok(None);
        }
        sqlx::query_scalar!(
            "SELECT refresh_time FROM comment_refreshes WHERE bucket = $1 AND workspace_id = $2",
            bucket,
            workspace_id as WorkspaceId,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Takes back what was noted: nothing was fetched.
    #[tracing::instrument(skip_all, name = "db.comment_refreshes.forget", err(level = "debug"))]
    pub async fn forget_refresh(
        &self,
        workspace: &Admitted<()>,
        noted: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        sqlx::query!(
            "DELETE FROM comment_refreshes WHERE bucket = $1 AND workspace_id = $2 AND refresh_time = $3",
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            noted,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
