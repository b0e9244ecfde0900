//! What a deleted workspace leaves behind, and how far the log of deletions was read (`workspace_log_position`).

use chrono::{DateTime, Utc};
use postbreeze_ids::WorkspaceId;

use super::Store;

impl Store {
    /// The position of the last entry that was dealt with.
    #[tracing::instrument(skip_all, name = "db.workspace_log_position.find", err(level = "debug"))]
    pub async fn workspace_log_position(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM workspace_log_position")
            .fetch_one(self.pool())
            .await
    }

    /// Deals with a deletion: what had not gone out is canceled, its units are given back, and the position moves on, in
    /// one transaction. Doing it again changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        position: i64,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        let bucket = workspace_id.bucket().as_i16();
        sqlx::query!(
            r#"
            WITH open AS (
                SELECT bucket, id
                FROM posts
                WHERE bucket = $1
                    AND workspace_id = $2
                    AND delete_time IS NULL
                    AND status IN ('needs_approval', 'scheduled')
                ORDER BY id
                FOR UPDATE
            )
            UPDATE post_targets AS target
            SET status = 'canceled'
            FROM open
            WHERE target.bucket = open.bucket AND target.post_id = open.id
            "#,
            bucket,
            workspace_id as WorkspaceId,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            r#"
            WITH released AS (
                UPDATE posts AS post
                SET status = 'canceled',
                    version = post.version + 1,
                    charged_owner_user_id = NULL,
                    charged_month = NULL,
                    update_time = $3
                FROM (
                    SELECT bucket, id, charged_owner_user_id, charged_month
                    FROM posts
                    WHERE bucket = $1
                        AND workspace_id = $2
                        AND delete_time IS NULL
                        AND status IN ('needs_approval', 'scheduled')
                    ORDER BY id
                    FOR UPDATE
                ) AS old
                WHERE post.bucket = old.bucket AND post.id = old.id
                RETURNING old.charged_owner_user_id, old.charged_month
            ),
            counts AS (
                SELECT charged_owner_user_id, charged_month, count(*) AS units
                FROM released
                WHERE charged_owner_user_id IS NOT NULL
                GROUP BY charged_owner_user_id, charged_month
            )
            UPDATE post_usage AS counter
            SET units = counter.units - counts.units
            FROM counts
            WHERE counter.owner_user_id = counts.charged_owner_user_id AND counter.month = counts.charged_month
            "#,
            bucket,
            workspace_id as WorkspaceId,
            now,
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
