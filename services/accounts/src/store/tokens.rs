//! Table `account_tokens`.

use chrono::{DateTime, Utc};
use postbreeze_ids::AccountId;
use sqlx::PgConnection;

/// Keeps an account's sealed token, in place of an earlier one.
#[tracing::instrument(skip_all, name = "db.account_tokens.keep", err(level = "debug"))]
pub(crate) async fn keep_token(
    connection: &mut PgConnection,
    account_id: AccountId,
    sealed: &[u8],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO account_tokens (bucket, account_id, access_token, update_time)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, account_id) DO UPDATE
        SET access_token = excluded.access_token,
            update_time = excluded.update_time
        "#,
        account_id.bucket().as_i16(),
        account_id as AccountId,
        sealed,
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
