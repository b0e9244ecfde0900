//! Tables `api_keys`, `api_key_secrets` and `api_key_workspaces`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::{KeyId, UserId, WorkspaceId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Store;

/// A row of `api_keys`.
#[derive(Debug, Clone)]
pub(crate) struct KeyRow {
    /// The key.
    pub(crate) id: KeyId,
    /// Whose it is.
    pub(crate) user_id: UserId,
    /// The name its owner gave it.
    pub(crate) display_name: String,
    /// Whether it has an allow-list.
    pub(crate) scoped: bool,
    /// Whether it may only read.
    pub(crate) read_only: bool,
    /// When it was made.
    pub(crate) create_time: DateTime<Utc>,
    /// When it was used last, a few seconds late.
    pub(crate) last_used_time: Option<DateTime<Utc>>,
    /// When it runs out.
    pub(crate) expire_time: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub(crate) revoke_time: Option<DateTime<Utc>>,
}

/// A row of `api_key_secrets`, without the hash.
#[derive(Debug, Clone)]
pub(crate) struct SecretRow {
    /// The key.
    pub(crate) key_id: KeyId,
    /// The first characters after the prefix.
    pub(crate) shown: String,
    /// When it was made.
    pub(crate) create_time: DateTime<Utc>,
    /// When its overlap ends.
    pub(crate) expire_time: Option<DateTime<Utc>>,
}

/// A key with its secrets, newest first, and its allow-list.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    /// The key's row.
    pub(crate) row: KeyRow,
    /// Its secrets.
    pub(crate) secrets: Vec<SecretRow>,
    /// Its allow-list; empty unless it is scoped.
    pub(crate) workspaces: Vec<WorkspaceId>,
}

impl Store {
    /// A user's key.
    pub(crate) async fn find_key(
        &self,
        user_id: UserId,
        id: KeyId,
    ) -> Result<Option<Key>, sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        let Some(row) = fetch_key(&mut *connection, user_id, id).await? else { return Ok(None) };
        Ok(complete(&mut connection, vec![row]).await?.pop())
    }

    /// A page of a user's keys, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.api_keys.list", err(level = "debug"))]
    pub(crate) async fn list_keys(
        &self,
        user_id: UserId,
        include_revoked: bool,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<Key>, sqlx::Error> {
        let rows = sqlx::query_as!(
            KeyRow,
            r#"
            SELECT
                id AS "id: KeyId",
                user_id AS "user_id: UserId",
                display_name,
                scoped,
                read_only,
                create_time,
                last_used_time,
                expire_time,
                revoke_time
            FROM api_keys
            WHERE bucket = $1 AND user_id = $2 AND id < $3 AND ($4 OR revoke_time IS NULL)
            ORDER BY id DESC
            LIMIT $5
            "#,
            user_id.bucket().as_i16(),
            user_id as UserId,
            after.unwrap_or(Uuid::max()),
            include_revoked,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        let mut connection = self.pool().acquire().await?;
        complete(&mut connection, rows).await
    }

    /// The allow-list of a key.
    #[tracing::instrument(skip_all, name = "db.api_key_workspaces.find", err(level = "debug"))]
    pub(crate) async fn key_workspaces(&self, id: KeyId) -> Result<Vec<WorkspaceId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT workspace_id AS "workspace_id: WorkspaceId"
            FROM api_key_workspaces
            WHERE bucket = $1 AND key_id = $2
            "#,
            id.bucket().as_i16(),
            id as KeyId,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Revokes a key; again keeps the first time.
    #[tracing::instrument(skip_all, name = "db.api_keys.revoke", err(level = "debug"))]
    pub(crate) async fn revoke_key(
        &self,
        id: KeyId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE api_keys SET revoke_time = COALESCE(revoke_time, $3) WHERE bucket = $1 AND id = $2",
            id.bucket().as_i16(),
            id as KeyId,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Writes when keys were used; none goes back.
    #[tracing::instrument(skip_all, name = "db.api_keys.touch", err(level = "debug"))]
    pub(crate) async fn touch_keys(
        &self,
        used: &HashMap<KeyId, DateTime<Utc>>,
    ) -> Result<(), sqlx::Error> {
        let buckets: Vec<i16> = used.keys().map(|id| id.bucket().as_i16()).collect();
        let ids: Vec<Uuid> = used.keys().map(|id| id.uuid()).collect();
        let times: Vec<DateTime<Utc>> = used.values().copied().collect();
        sqlx::query!(
            r#"
            UPDATE api_keys AS key
            SET last_used_time = GREATEST(key.last_used_time, used.time)
            FROM unnest($1::SMALLINT[], $2::UUID[], $3::TIMESTAMPTZ[]) AS used (bucket, id, time)
            WHERE key.bucket = used.bucket AND key.id = used.id
            "#,
            &buckets,
            &ids,
            &times,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

#[tracing::instrument(skip_all, name = "db.api_keys.find", err(level = "debug"))]
async fn fetch_key(
    database: impl PgExecutor<'_>,
    user_id: UserId,
    id: KeyId,
) -> Result<Option<KeyRow>, sqlx::Error> {
    sqlx::query_as!(
        KeyRow,
        r#"
        SELECT
            id AS "id: KeyId",
            user_id AS "user_id: UserId",
            display_name,
            scoped,
            read_only,
            create_time,
            last_used_time,
            expire_time,
            revoke_time
        FROM api_keys
        WHERE bucket = $1 AND id = $2 AND user_id = $3
        "#,
        id.bucket().as_i16(),
        id as KeyId,
        user_id as UserId,
    )
    .fetch_optional(database)
    .await
}

/// A user's key, locked for this transaction, as it is now.
#[tracing::instrument(skip_all, name = "db.api_keys.lock", err(level = "debug"))]
pub(crate) async fn lock_key(
    connection: &mut PgConnection,
    user_id: UserId,
    id: KeyId,
) -> Result<Option<Key>, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        r#"SELECT TRUE AS "there!" FROM api_keys WHERE bucket = $1 AND id = $2 AND user_id = $3 FOR UPDATE"#,
        id.bucket().as_i16(),
        id as KeyId,
        user_id as UserId,
    )
    .fetch_optional(&mut *connection)
    .await?;
    if locked.is_none() {
        return Ok(None);
    }
    let row = fetch_key(&mut *connection, user_id, id).await?;
    Ok(complete(connection, row.into_iter().collect()).await?.pop())
}

/// Keys with their secrets and allow-lists.
async fn complete(
    connection: &mut PgConnection,
    rows: Vec<KeyRow>,
) -> Result<Vec<Key>, sqlx::Error> {
    let buckets: Vec<i16> = rows.iter().map(|row| row.id.bucket().as_i16()).collect();
    let ids: Vec<KeyId> = rows.iter().map(|row| row.id).collect();
    let secrets = sqlx::query_as!(
        SecretRow,
        r#"
        SELECT
            secret.key_id AS "key_id: KeyId",
            secret.shown,
            secret.create_time,
            secret.expire_time
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN api_key_secrets AS secret ON secret.key_bucket = wanted.bucket AND secret.key_id = wanted.id
        ORDER BY secret.expire_time IS NOT NULL, secret.create_time DESC
        "#,
        &buckets,
        &ids as &[KeyId],
    )
    .fetch_all(&mut *connection)
    .await?;
    let allowed = sqlx::query!(
        r#"
        SELECT
            allowed.key_id AS "key_id: KeyId",
            allowed.workspace_id AS "workspace_id: WorkspaceId"
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN api_key_workspaces AS allowed ON allowed.bucket = wanted.bucket AND allowed.key_id = wanted.id
        ORDER BY allowed.workspace_id
        "#,
        &buckets,
        &ids as &[KeyId],
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Key {
            secrets: secrets.iter().filter(|secret| secret.key_id == row.id).cloned().collect(),
            workspaces: allowed
                .iter()
                .filter(|entry| entry.key_id == row.id)
                .map(|entry| entry.workspace_id)
                .collect(),
            row,
        })
        .collect())
}

/// Writes a new key with its allow-list; its secret is added apart.
#[tracing::instrument(skip_all, name = "db.api_keys.insert", err(level = "debug"))]
pub(crate) async fn insert_key(
    connection: &mut PgConnection,
    key: &Key,
) -> Result<(), sqlx::Error> {
    let row = &key.row;
    sqlx::query!(
        r#"
        INSERT INTO api_keys (bucket, id, user_id, display_name, scoped, read_only, create_time, expire_time)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        "#,
        row.id.bucket().as_i16(),
        row.id as KeyId,
        row.user_id as UserId,
        row.display_name,
        row.scoped,
        row.read_only,
        row.create_time,
        row.expire_time,
    )
    .execute(&mut *connection)
    .await?;
    replace_workspaces(connection, row.id, &key.workspaces).await
}

/// Writes what may change of a locked key, with its allow-list.
#[tracing::instrument(skip_all, name = "db.api_keys.save", err(level = "debug"))]
pub(crate) async fn save_key(connection: &mut PgConnection, key: &Key) -> Result<(), sqlx::Error> {
    let row = &key.row;
    sqlx::query!(
        r#"
        UPDATE api_keys
        SET display_name = $3,
            scoped = $4,
            read_only = $5,
            expire_time = $6
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as KeyId,
        row.display_name,
        row.scoped,
        row.read_only,
        row.expire_time,
    )
    .execute(&mut *connection)
    .await?;
    replace_workspaces(connection, row.id, &key.workspaces).await
}

async fn replace_workspaces(
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

/// Adds a secret to a key.
#[tracing::instrument(skip_all, name = "db.api_key_secrets.insert", err(level = "debug"))]
pub(crate) async fn insert_secret(
    connection: &mut PgConnection,
    hash: &[u8],
    secret: &SecretRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO api_key_secrets (secret_hash, key_bucket, key_id, shown, create_time)
        VALUES ($1, $2, $3, $4, $5)
        "#,
        hash,
        secret.key_id.bucket().as_i16(),
        secret.key_id as KeyId,
        secret.shown,
        secret.create_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes room for a new secret of a locked key: the current one lives until an instant, an older one ends now.
#[tracing::instrument(skip_all, name = "db.api_key_secrets.retire", err(level = "debug"))]
pub(crate) async fn retire_secrets(
    connection: &mut PgConnection,
    id: KeyId,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE api_key_secrets
        SET expire_time = CASE WHEN expire_time IS NULL THEN $4 ELSE LEAST(expire_time, $3) END
        WHERE key_bucket = $1 AND key_id = $2
        "#,
        id.bucket().as_i16(),
        id as KeyId,
        now,
        until,
    )
    .execute(connection)
    .await?;
    Ok(())
}
