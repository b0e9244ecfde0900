//! Table `api_key_secrets`. At most two of a key are not ended, so that neither a list nor a rotation reads or writes
//! the old ones again.

use chrono::{DateTime, Utc};
use postbreeze_ids::KeyId;
use sqlx::PgConnection;

use super::Store;

/// A secret, without the hash.
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

/// The secrets of keys that no rotation has ended, each key's newest first.
#[tracing::instrument(skip_all, name = "db.api_key_secrets.list", err(level = "debug"))]
pub(crate) async fn of_keys(
    connection: &mut PgConnection,
    ids: &[KeyId],
) -> Result<Vec<SecretRow>, sqlx::Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    sqlx::query_as!(
        SecretRow,
        r#"
        SELECT
            secret.key_id AS "key_id: KeyId",
            secret.shown,
            secret.create_time,
            secret.expire_time
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN api_key_secrets AS secret
            ON secret.key_bucket = wanted.bucket AND secret.key_id = wanted.id AND secret.end_time IS NULL
        ORDER BY secret.expire_time IS NOT NULL, secret.create_time DESC
        "#,
        &buckets,
        ids as &[KeyId],
    )
    .fetch_all(connection)
    .await
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

/// Makes room for a new secret of a locked key. The current one lives until an instant, or ends without one; an older
/// one ends, at its own time when that is over.
#[tracing::instrument(skip_all, name = "db.api_key_secrets.retire", err(level = "debug"))]
pub(crate) async fn retire_secrets(
    connection: &mut PgConnection,
    id: KeyId,
    now: DateTime<Utc>,
    until: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE api_key_secrets
        SET end_time = CASE
                WHEN expire_time IS NOT NULL THEN LEAST(expire_time, $3)
                WHEN $4::TIMESTAMPTZ IS NULL THEN $3
            END,
            expire_time = COALESCE(expire_time, $4)
        WHERE key_bucket = $1 AND key_id = $2 AND end_time IS NULL
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

impl Store {
    /// Deletes secrets that ended before an instant.
    #[tracing::instrument(skip_all, name = "db.api_key_secrets.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_secrets(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!("DELETE FROM api_key_secrets WHERE end_time < $1", before)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
