//! Table `media_workspaces`: which workspaces are gone, and the lock under which a workspace's folders lie still.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::WorkspaceId;
use sqlx::{PgConnection, PgExecutor};

/// Holds a workspace locked: what it has and how its folders lie changes by nobody else meanwhile. Answers whether it is
/// still there.
#[tracing::instrument(skip_all, name = "db.media_workspaces.hold", err(level = "debug"))]
pub(crate) async fn hold_workspace<T>(
    connection: &mut PgConnection,
    admitted: &Admitted<T>,
) -> Result<bool, sqlx::Error> {
    let workspace_id = admitted.workspace_id();
    let done = sqlx::query!(
        r#"
        INSERT INTO media_workspaces AS workspace (bucket, workspace_id)
        VALUES ($1, $2)
        ON CONFLICT (bucket, workspace_id) DO UPDATE
        SET delete_time = workspace.delete_time
        WHERE workspace.delete_time IS NULL
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether a workspace is known to be gone.
#[tracing::instrument(skip_all, name = "db.media_workspaces.is_buried", err(level = "debug"))]
pub(crate) async fn is_buried(
    database: impl PgExecutor<'_>,
    workspace_id: WorkspaceId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT 1
            FROM media_workspaces
            WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NOT NULL
        ) AS "buried!"
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .fetch_one(database)
    .await
}

/// Marks a workspace as gone, and holds it locked. Again keeps the first time.
#[tracing::instrument(skip_all, name = "db.media_workspaces.bury", err(level = "debug"))]
pub(super) async fn bury(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO media_workspaces AS workspace (bucket, workspace_id, delete_time)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket, workspace_id) DO UPDATE
        SET delete_time = COALESCE(workspace.delete_time, excluded.delete_time)
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
