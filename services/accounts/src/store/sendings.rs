//! Table `sendings`: how far a sending of several steps has come.

use chrono::{DateTime, Utc};
use postbreeze_ids::AccountId;

use super::Store;

/// A sending that was tried before.
#[derive(Debug, Clone)]
pub(crate) struct SendingRow {
    /// Where it stands.
    pub(crate) progress: String,
    /// When it was tried last.
    pub(crate) last_attempt_time: DateTime<Utc>,
}

impl Store {
    /// Writes down that a sending is tried, and tells of the time before; none: it is the first.
    #[tracing::instrument(skip_all, name = "db.sendings.begin", err(level = "debug"))]
    pub(crate) async fn begin_sending(
        &self,
        account_id: AccountId,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<SendingRow>, sqlx::Error> {
        let row = sqlx::query!(
            r#"
            WITH before AS (
                SELECT progress, last_attempt_time
                FROM sendings
                WHERE bucket = $1 AND account_id = $2 AND key = $3
            ), begun AS (
                INSERT INTO sendings (bucket, account_id, key, progress, last_attempt_time)
                VALUES ($1, $2, $3, '', $4)
                ON CONFLICT (bucket, account_id, key) DO UPDATE
                SET last_attempt_time = excluded.last_attempt_time
                RETURNING 1
            )
            SELECT
                before.progress AS "progress?",
                before.last_attempt_time AS "last_attempt_time?"
            FROM begun
            LEFT JOIN before ON TRUE
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            key,
            now,
        )
        .fetch_one(self.pool())
        .await?;
        Ok(row
            .progress
            .zip(row.last_attempt_time)
            .map(|(progress, last_attempt_time)| SendingRow { progress, last_attempt_time }))
    }

    /// Where a sending stands; none: it was never tried.
    #[tracing::instrument(skip_all, name = "db.sendings.find", err(level = "debug"))]
    pub(crate) async fn find_sending(
        &self,
        account_id: AccountId,
        key: &str,
    ) -> Result<Option<SendingRow>, sqlx::Error> {
        sqlx::query_as!(
            SendingRow,
            r#"
            SELECT
                progress,
                last_attempt_time
            FROM sendings
            WHERE bucket = $1 AND account_id = $2 AND key = $3
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            key,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Writes down that something of a sending may be on its way since `now`.
    #[tracing::instrument(skip_all, name = "db.sendings.touch", err(level = "debug"))]
    pub(crate) async fn touch_sending(
        &self,
        account_id: AccountId,
        key: &str,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE sendings
            SET last_attempt_time = $4
            WHERE bucket = $1 AND account_id = $2 AND key = $3
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            key,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Keeps where a sending stands.
    #[tracing::instrument(skip_all, name = "db.sendings.keep", err(level = "debug"))]
    pub(crate) async fn keep_progress(
        &self,
        account_id: AccountId,
        key: &str,
        progress: &str,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE sendings
            SET progress = $4
            WHERE bucket = $1 AND account_id = $2 AND key = $3
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            key,
            progress,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes sendings that nobody asks for any more.
    #[tracing::instrument(skip_all, name = "db.sendings.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_sendings(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!("DELETE FROM sendings WHERE last_attempt_time < $1", before)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
