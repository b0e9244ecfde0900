//! Table `account_tokens`. Who refreshes takes a lease by raising the row's version; every later write of theirs is fenced by
//! that version, so that one who came back too late writes nothing.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AccountId, Id};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;
use crate::vault::Sealed;

/// What is written of an account's tokens.
#[derive(Debug, Clone)]
pub(crate) struct NewTokens {
    /// The tokens.
    pub(crate) sealed: Sealed,
    /// When the access token runs out.
    pub(crate) expire_time: Option<DateTime<Utc>>,
    /// When to refresh ahead of it; when it runs out, where nothing buys a new one.
    pub(crate) refresh_time: Option<DateTime<Utc>>,
}

/// Keeps the tokens of an account that was connected, in place of earlier ones.
#[tracing::instrument(skip_all, name = "db.account_tokens.keep", err(level = "debug"))]
pub(crate) async fn keep_tokens(
    connection: &mut PgConnection,
    account_id: AccountId,
    new: &NewTokens,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO account_tokens AS token (
            bucket, account_id, access_token, refresh_token, data_key, key_id, expire_time, refresh_time, update_time
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
        ON CONFLICT (bucket, account_id) DO UPDATE
        SET access_token = excluded.access_token,
            refresh_token = excluded.refresh_token,
            data_key = excluded.data_key,
            key_id = excluded.key_id,
            expire_time = excluded.expire_time,
            refresh_time = excluded.refresh_time,
            refresh_failures = 0,
            lease_until = NULL,
            version = token.version + 1,
            update_time = excluded.update_time
        "#,
        account_id.bucket().as_i16(),
        account_id as AccountId,
        new.sealed.access_token,
        new.sealed.refresh_token.as_deref(),
        new.sealed.data_key.as_deref(),
        new.sealed.key_id.as_deref(),
        new.expire_time,
        new.refresh_time,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Destroys an account's token, if it has one.
#[tracing::instrument(skip_all, name = "db.account_tokens.destroy", err(level = "debug"))]
pub(super) async fn destroy_token(
    connection: &mut PgConnection,
    account_id: AccountId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM account_tokens WHERE bucket = $1 AND account_id = $2",
        account_id.bucket().as_i16(),
        account_id as AccountId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Ends what was leased: no refresh is tried any more until the account is connected again. Answers whether the lease was
/// still held.
#[tracing::instrument(skip_all, name = "db.account_tokens.give_up", err(level = "debug"))]
pub(super) async fn stop_refreshing(
    connection: &mut PgConnection,
    account_id: AccountId,
    version: i64,
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!(
        r#"
        UPDATE account_tokens
        SET refresh_time = NULL,
            lease_until = NULL,
            version = version + 1
        WHERE bucket = $1 AND account_id = $2 AND version = $3
        "#,
        account_id.bucket().as_i16(),
        account_id as AccountId,
        version,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() == 1)
}

impl Store {
    /// Takes the lease of a row of this version, if nobody holds it. Answers the version that the holder writes under.
    #[tracing::instrument(skip_all, name = "db.account_tokens.lease", err(level = "debug"))]
    pub(crate) async fn lease_token(
        &self,
        account_id: AccountId,
        version: i64,
        now: DateTime<Utc>,
        lasts: TimeDelta,
    ) -> Result<Option<i64>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            UPDATE account_tokens
            SET version = version + 1,
                lease_until = $5
            WHERE bucket = $1
                AND account_id = $2
                AND version = $3
                AND (lease_until IS NULL OR lease_until <= $4)
            RETURNING version
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            version,
            now,
            now + lasts,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Keeps refreshed tokens and ends the lease. Answers whether it was still held.
    #[tracing::instrument(skip_all, name = "db.account_tokens.refreshed", err(level = "debug"))]
    pub(crate) async fn keep_refreshed(
        &self,
        account_id: AccountId,
        version: i64,
        new: &NewTokens,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            r#"
            UPDATE account_tokens
            SET access_token = $4,
                refresh_token = $5,
                data_key = $6,
                key_id = $7,
                expire_time = $8,
                refresh_time = $9,
                refresh_failures = 0,
                lease_until = NULL,
                version = version + 1,
                update_time = $10
            WHERE bucket = $1 AND account_id = $2 AND version = $3
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            version,
            new.sealed.access_token,
            new.sealed.refresh_token.as_deref(),
            new.sealed.data_key.as_deref(),
            new.sealed.key_id.as_deref(),
            new.expire_time,
            new.refresh_time,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Ends a lease without new tokens: the next try is not before `again`.
    #[tracing::instrument(skip_all, name = "db.account_tokens.postpone", err(level = "debug"))]
    pub(crate) async fn postpone_refresh(
        &self,
        account_id: AccountId,
        version: i64,
        again: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE account_tokens
            SET refresh_time = $4,
                refresh_failures = refresh_failures + 1,
                lease_until = NULL,
                version = version + 1
            WHERE bucket = $1 AND account_id = $2 AND version = $3
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            version,
            again,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Accounts whose tokens are to be refreshed and nobody refreshes.
    #[tracing::instrument(skip_all, name = "db.account_tokens.due", err(level = "debug"))]
    pub(crate) async fn tokens_due(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<AccountId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT account_id AS "account_id: AccountId"
            FROM account_tokens
            WHERE refresh_time <= $1 AND (lease_until IS NULL OR lease_until <= $1)
            ORDER BY refresh_time
            LIMIT $2
            "#,
            now,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Rows that are wrapped by one of these keys, or by none, after an account.
    #[tracing::instrument(skip_all, name = "db.account_tokens.under", err(level = "debug"))]
    pub(crate) async fn tokens_under(
        &self,
        key_ids: &[Vec<u8>],
        after: Option<AccountId>,
        limit: i64,
    ) -> Result<Vec<(AccountId, Sealed)>, sqlx::Error> {
        let after = after.unwrap_or(Id::from_uuid(Uuid::nil()));
        let rows = sqlx::query!(
            r#"
            SELECT
                account_id AS "account_id: AccountId",
                access_token,
                refresh_token,
                data_key,
                key_id
            FROM account_tokens
            WHERE (key_id = ANY($1) OR key_id IS NULL) AND account_id > $2
            ORDER BY account_id
            LIMIT $3
            "#,
            key_ids,
            after as AccountId,
            limit,
        )
        .fetch_all(self.pool())
        .await?;
        let sealed = |row| {
            let (account_id, access_token, refresh_token, data_key, key_id) = row;
            (account_id, Sealed { access_token, refresh_token, data_key, key_id })
        };
        let parts = rows.into_iter().map(|row| {
            (row.account_id, row.access_token, row.refresh_token, row.data_key, row.key_id)
        });
        Ok(parts.map(sealed).collect())
    }

    /// Puts a row that was wrapped anew in the place of what it was made from; where that has changed since, nothing.
    #[tracing::instrument(skip_all, name = "db.account_tokens.rewrap", err(level = "debug"))]
    pub(crate) async fn keep_rewrapped(
        &self,
        account_id: AccountId,
        from: &Sealed,
        to: &Sealed,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE account_tokens
            SET access_token = $3,
                refresh_token = $4,
                data_key = $5,
                key_id = $6
            WHERE bucket = $1
                AND account_id = $2
                AND access_token = $7
                AND data_key IS NOT DISTINCT FROM $8
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            to.access_token,
            to.refresh_token.as_deref(),
            to.data_key.as_deref(),
            to.key_id.as_deref(),
            from.access_token,
            from.data_key.as_deref(),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
