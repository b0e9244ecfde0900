//! Table `api_keys`, and keys put together with what belongs to them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::{KeyId, UserId, WorkspaceId};
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{
    Store, allow_lists,
    secrets::{self, SecretRow},
};

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

/// A key with the secrets that no rotation has ended, newest first, and its allow-list.
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

    /// A user's key that is not revoked.
    pub(crate) async fn find_living_key(
        &self,
        user_id: UserId,
        id: KeyId,
    ) -> Result<Option<Key>, sqlx::Error> {
        let key = self.find_key(user_id, id).await?;
        Ok(key.filter(|key| key.row.revoke_time.is_none()))
    }

    /// At most `limit` of a user's keys, newest first, below an id, whose allow-lists have no more than `entries` entries
    /// together; the first key in any case. Also tells whether there are more keys.
    #[tracing::instrument(skip_all, name = "db.api_keys.list", err(level = "debug"))]
    pub(crate) async fn list_keys(
        &self,
        user_id: UserId,
        include_revoked: bool,
        after: Option<Uuid>,
        limit: usize,
        entries: i64,
    ) -> Result<(Vec<Key>, bool), sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        let found = sqlx::query!(
            r#"
            SELECT
                key.id AS "id: KeyId",
                key.user_id AS "user_id: UserId",
                key.display_name,
                key.scoped,
                key.read_only,
                key.create_time,
                key.last_used_time,
                key.expire_time,
                key.revoke_time,
                (
                    SELECT count(*)
                    FROM api_key_workspaces AS allowed
                    WHERE allowed.bucket = key.bucket AND allowed.key_id = key.id
                ) AS "entries!"
            FROM api_keys AS key
            WHERE key.bucket = $1 AND key.user_id = $2 AND key.id < $3 AND ($4 OR key.revoke_time IS NULL)
            ORDER BY key.id DESC
            LIMIT $5
            "#,
            user_id.bucket().as_i16(),
            user_id as UserId,
            after.unwrap_or(Uuid::max()),
            include_revoked,
            i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1),
        )
        .fetch_all(&mut *connection)
        .await?;
        let mut more = found.len() > limit;
        let (mut rows, mut listed) = (Vec::new(), 0);
        for row in found.into_iter().take(limit) {
            listed += row.entries;
            if listed > entries && !rows.is_empty() {
                more = true;
                break;
            }
            rows.push(KeyRow {
                id: row.id,
                user_id: row.user_id,
                display_name: row.display_name,
                scoped: row.scoped,
                read_only: row.read_only,
                create_time: row.create_time,
                last_used_time: row.last_used_time,
                expire_time: row.expire_time,
                revoke_time: row.revoke_time,
            });
        }
        Ok((complete(&mut connection, rows).await?, more))
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

    /// Writes when keys were used; none goes back. Locks in the order of the ids: another replica writes others, and some
    /// of the same, at once.
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
            WITH locked AS (
                SELECT key.bucket, key.id, used.time
                FROM unnest($1::SMALLINT[], $2::UUID[], $3::TIMESTAMPTZ[]) AS used (bucket, id, time)
                JOIN api_keys AS key ON key.bucket = used.bucket AND key.id = used.id
                ORDER BY key.bucket, key.id
                FOR NO KEY UPDATE OF key
            )
            UPDATE api_keys AS key
            SET last_used_time = GREATEST(key.last_used_time, locked.time)
            FROM locked
            WHERE key.bucket = locked.bucket AND key.id = locked.id
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

/// A user's key that is not revoked, locked for this transaction, as it is now.
#[tracing::instrument(skip_all, name = "db.api_keys.lock", err(level = "debug"))]
pub(crate) async fn lock_living_key(
    connection: &mut PgConnection,
    user_id: UserId,
    id: KeyId,
) -> Result<Option<Key>, sqlx::Error> {
    let locked = sqlx::query_scalar!(
        r#"
        SELECT TRUE AS "there!"
        FROM api_keys
        WHERE bucket = $1 AND id = $2 AND user_id = $3 AND revoke_time IS NULL
        FOR UPDATE
        "#,
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
    let ids: Vec<KeyId> = rows.iter().map(|row| row.id).collect();
    let mut secrets: HashMap<KeyId, Vec<SecretRow>> = HashMap::with_capacity(ids.len());
    for secret in secrets::of_keys(connection, &ids).await? {
        secrets.entry(secret.key_id).or_default().push(secret);
    }
    let mut allowed = allow_lists::of_keys(connection, &ids).await?;
    Ok(rows
        .into_iter()
        .map(|row| Key {
            secrets: secrets.remove(&row.id).unwrap_or_default(),
            workspaces: allowed.remove(&row.id).unwrap_or_default(),
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
    allow_lists::replace(connection, row.id, &key.workspaces).await
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
    allow_lists::replace(connection, row.id, &key.workspaces).await
}
