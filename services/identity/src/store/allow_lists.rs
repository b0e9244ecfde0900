//! Table `api_key_workspaces`: the allow-lists of scoped keys.

use postbreeze_ids::{KeyId, WorkspaceId};
use sqlx::PgConnection;

use super::Store;

/// What a key is cut to at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum KeyScope {
    /// It is revoked, or there is none.
    Gone,
    /// It has no allow-list.
    Full,
    /// Its allow-list.
    Only(Vec<WorkspaceId>),
}

impl Store {
    /// A key's allow-list.
    #[tracing::instrument(skip_all, name = "db.api_keys.find_scope", err(level = "debug"))]
    pub(crate) async fn key_scope(&self, id: KeyId) -> Result<KeyScope, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query!(
            r#"
            SELECT
                key.scoped,
                ARRAY(
                    SELECT allowed.workspace_id
                    FROM api_key_workspaces AS allowed
                    WHERE allowed.bucket = key.bucket AND allowed.key_id = key.id
                ) AS "workspaces!: Vec<WorkspaceId>"
            FROM api_keys AS key
            WHERE key.bucket = $1 AND key.id = $2 AND key.revoke_time IS NULL
            "#,
            id.bucket().as_i16(),
            id as KeyId,
        )
        .fetch_optional(lease.connection())
        .await;
        Ok(match lease.end(found)? {
            None => KeyScope::Gone,
            Some(row) if row.scoped => KeyScope::Only(row.workspaces),
            Some(_) => KeyScope::Full,
        })
    }
}

/// The entries of these keys' allow-lists, each list in the order of the workspaces.
#[tracing::instrument(skip_all, name = "db.api_key_workspaces.list", err(level = "debug"))]
pub(crate) async fn of_keys(
    connection: &mut PgConnection,
    ids: &[KeyId],
) -> Result<Vec<(KeyId, WorkspaceId)>, sqlx::Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    let rows = sqlx::query!(
        r#"
        SELECT
            allowed.key_id AS "key_id: KeyId",
            allowed.workspace_id AS "workspace_id: WorkspaceId"
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN api_key_workspaces AS allowed ON allowed.bucket = wanted.bucket AND allowed.key_id = wanted.id
        ORDER BY allowed.workspace_id
        "#,
        &buckets,
        ids as &[KeyId],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (row.key_id, row.workspace_id)).collect())
}

/// Replaces the allow-list of a locked or new key.
#[tracing::instrument(skip_all, name = "db.api_key_workspaces.replace", err(level = "debug"))]
pub(crate) async fn replace(
    connection: &mut PgConnection,
    id: KeyId,
    workspaces: &[WorkspaceId],
) -> Result<(), sqlx::Error> {
    let bucket = id.bucket().as_i16();
    sqlx::query!(
        "DELETE FROM api_key_workspaces WHERE bucket = $1 AND key_id = $2",
        bucket,
        id as KeyId,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        INSERT INTO api_key_workspaces (bucket, key_id, workspace_id)
        SELECT $1, $2, workspace_id
        FROM unnest($3::UUID[]) AS workspace_id
        "#,
        bucket,
        id as KeyId,
        workspaces as &[WorkspaceId],
    )
    .execute(connection)
    .await?;
    Ok(())
}
