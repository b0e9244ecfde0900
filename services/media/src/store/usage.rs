//! Table `media_usage`: how much is stored, counted in the transaction that stores or gives back, so that it can neither be
//! oversold nor leak.

use postbreeze_ids::UserId;
use sqlx::{PgConnection, PgExecutor};

use super::Store;

/// What became of bytes that were to be charged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charged {
    /// They count from here on.
    Yes,
    /// They do not fit: the caller rolls back.
    AtTheLimit {
        /// Bytes that count already.
        current: i64,
    },
}

impl Store {
    /// Bytes that count in an owner's storage.
    pub(crate) async fn bytes_of(&self, owner_user_id: UserId) -> Result<i64, sqlx::Error> {
        fetch_bytes(self.pool(), owner_user_id).await
    }
}

#[tracing::instrument(skip_all, name = "db.media_usage.find", err(level = "debug"))]
async fn fetch_bytes(
    database: impl PgExecutor<'_>,
    owner_user_id: UserId,
) -> Result<i64, sqlx::Error> {
    let bytes = sqlx::query_scalar!(
        "SELECT bytes FROM media_usage WHERE bucket = $1 AND owner_user_id = $2",
        owner_user_id.bucket().as_i16(),
        owner_user_id as UserId,
    )
    .fetch_optional(database)
    .await?;
    Ok(bytes.unwrap_or(0))
}

/// Charges bytes to an owner. `limit`: what the owner may store; none: unlimited.
#[tracing::instrument(skip_all, name = "db.media_usage.charge", err(level = "debug"))]
pub(crate) async fn charge(
    connection: &mut PgConnection,
    owner_user_id: UserId,
    bytes: i64,
    limit: Option<i64>,
) -> Result<Charged, sqlx::Error> {
    #[cfg(feature = "sabotage")]
    let limit = sabotaged_limit(connection, owner_user_id, bytes, limit).await?;
    let done = sqlx::query!(
        r#"
        INSERT INTO media_usage AS usage (bucket, owner_user_id, bytes)
        SELECT $1, $2, $3
        WHERE $4::BIGINT IS NULL OR $3 <= $4
        ON CONFLICT (bucket, owner_user_id) DO UPDATE
        SET bytes = usage.bytes + $3
        WHERE $4::BIGINT IS NULL OR usage.bytes + $3 <= $4
        "#,
        owner_user_id.bucket().as_i16(),
        owner_user_id as UserId,
        bytes,
        limit,
    )
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 1 {
        return Ok(Charged::Yes);
    }
    let current = fetch_bytes(connection, owner_user_id).await?;
    Ok(Charged::AtTheLimit { current })
}

/// Gives bytes back.
#[tracing::instrument(skip_all, name = "db.media_usage.release", err(level = "debug"))]
pub(super) async fn release(
    connection: &mut PgConnection,
    owner_user_id: UserId,
    bytes: i64,
) -> Result<(), sqlx::Error> {
    if bytes == 0 {
        return Ok(());
    }
    sqlx::query!(
        "UPDATE media_usage SET bytes = bytes - $3 WHERE bucket = $1 AND owner_user_id = $2",
        owner_user_id.bucket().as_i16(),
        owner_user_id as UserId,
        bytes,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The broken mechanism: the counter is read first, and then written without looking.
#[cfg(feature = "sabotage")]
async fn sabotaged_limit(
    connection: &mut PgConnection,
    owner_user_id: UserId,
    bytes: i64,
    limit: Option<i64>,
) -> Result<Option<i64>, sqlx::Error> {
    use postbreeze_runtime::sabotage::{Mechanism, is_broken};

    if !is_broken(Mechanism::Quota) {
        return Ok(limit);
    }
    let current = fetch_bytes(&mut *connection, owner_user_id).await?;
    // Long enough for others to read the same.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    Ok(limit.filter(|limit| current + bytes > *limit).map(|_| 0))
}
