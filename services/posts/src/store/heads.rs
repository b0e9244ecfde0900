//! Table `post_heads`: the upper bound of each workspace's newest post, and the tombstone of a deleted workspace. Writing
//! a post moves the head forward (see `insert_post`), so every workspace with posts has one.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::WorkspaceId;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Store;

/// Holds an admitted post's workspace as it is until the transaction ends. Answers whether it is still there. To be
/// taken before the post is locked, by whatever may bring a post back into a status that goes out.
#[tracing::instrument(skip_all, name = "db.post_heads.hold", err(level = "debug"))]
pub async fn hold_workspace<T>(
    connection: &mut PgConnection,
    admitted: &Admitted<T>,
) -> Result<bool, sqlx::Error> {
    hold_living(connection, admitted.workspace_id()).await
}

/// The same for what concerns a workspace without a caller: a network has told of it.
#[tracing::instrument(skip_all, name = "db.post_heads.hold_living", err(level = "debug"))]
pub(super) async fn hold_living(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
) -> Result<bool, sqlx::Error> {
    let living = sqlx::query_scalar!(
        r#"
        SELECT delete_time IS NULL AS "living!"
        FROM post_heads
        WHERE bucket = $1 AND workspace_id = $2
        FOR SHARE
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .fetch_optional(connection)
    .await?;
    Ok(living.unwrap_or(false))
}

/// Whether a workspace that has a head was deleted.
#[tracing::instrument(skip_all, name = "db.post_heads.is_buried", err(level = "debug"))]
pub async fn is_buried(
    database: impl PgExecutor<'_>,
    workspace_id: WorkspaceId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT
            FROM post_heads
            WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NOT NULL
        ) AS "buried!"
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .fetch_one(database)
    .await
}

impl Store {
    /// Those of some workspaces whose deletion is written down.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_heads.buried_of", err(level = "debug"))]
    pub async fn buried_of(
        &self,
        workspaces: &[WorkspaceId],
    ) -> Result<Vec<WorkspaceId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT head.workspace_id AS "workspace_id: WorkspaceId"
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, workspace_id)
            JOIN post_heads AS head ON head.bucket = wanted.bucket AND head.workspace_id = wanted.workspace_id
            WHERE head.delete_time IS NOT NULL
            "#,
            &workspaces.iter().map(|id| id.bucket().as_i16()).collect::<Vec<_>>(),
            workspaces as &[WorkspaceId],
        )
        .fetch_all(self.pool())
        .await
    }
}

/// Holds an admitted workspace alone until the transaction ends, whether it has posts or not. Answers whether it is still
/// there.
#[tracing::instrument(skip_all, name = "db.post_heads.take", err(level = "debug"))]
pub async fn take_workspace<T>(
    connection: &mut PgConnection,
    admitted: &Admitted<T>,
) -> Result<bool, sqlx::Error> {
    let workspace_id = admitted.workspace_id();
    let living = sqlx::query_scalar!(
        r#"
        INSERT INTO post_heads AS head (bucket, workspace_id, last_id)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket, workspace_id) DO UPDATE
        SET last_id = head.last_id
        WHERE head.delete_time IS NULL
        RETURNING bucket
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        Uuid::nil(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(living.is_some())
}

impl Store {
    /// Marks a workspace as deleted. Whoever held it has ended by then: what opens a post comes before, or finds this.
    #[tracing::instrument(skip_all, name = "db.post_heads.bury", err(level = "debug"))]
    pub(super) async fn bury_workspace(
        &self,
        workspace_id: WorkspaceId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            INSERT INTO post_heads AS head (bucket, workspace_id, last_id, delete_time)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET delete_time = COALESCE(head.delete_time, excluded.delete_time)
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            Uuid::nil(),
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
