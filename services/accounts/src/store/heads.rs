//! Table `account_heads`: which workspaces can hold a page, and which are gone.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Scope};
use postbreeze_ids::{AccountId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;

impl Store {
    /// The `nth` highest head below an id; `None` when there are fewer.
    pub(super) async fn account_cut(
        &self,
        scope: &Scope,
        below: Uuid,
        nth: i64,
    ) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT last_id
            FROM account_heads
            WHERE workspace_id = ANY($1) AND last_id < $2
            ORDER BY last_id DESC
            OFFSET $3::BIGINT - 1
            LIMIT 1
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            nth,
        )
        .fetch_optional(self.pool())
        .await
    }
}

/// Raises the head of a workspace to an account that is about to be connected, and holds it locked. Answers whether the
/// workspace is still there. A head that is too high only prunes less.
#[tracing::instrument(skip_all, name = "db.account_heads.raise", err(level = "debug"))]
pub(crate) async fn raise_head(
    connection: &mut PgConnection,
    workspace: &Admitted<()>,
    account_id: AccountId,
) -> Result<bool, sqlx::Error> {
    let workspace_id = workspace.workspace_id();
    let done = sqlx::query!(
        r#"
        INSERT INTO account_heads AS head (bucket, workspace_id, last_id)
        VALUES ($1, $2, $3)
        ON CONFLICT (bucket, workspace_id) DO UPDATE
        SET last_id = GREATEST(head.last_id, excluded.last_id)
        WHERE head.delete_time IS NULL
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        account_id as AccountId,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a workspace as gone, and holds its head locked. Again keeps the first time.
#[tracing::instrument(skip_all, name = "db.account_heads.bury", err(level = "debug"))]
pub(super) async fn bury(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO account_heads AS head (bucket, workspace_id, last_id, delete_time)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, workspace_id) DO UPDATE
        SET delete_time = COALESCE(head.delete_time, excluded.delete_time)
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        Uuid::nil(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
