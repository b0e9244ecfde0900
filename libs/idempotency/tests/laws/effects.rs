//! What the tests do once.

use chrono::{DateTime, Utc};
use postbreeze_idempotency::{self as idempotency, Error, Key};
use sqlx::{PgConnection, PgPool};

/// Why an effect was refused, as an owner's error.
#[derive(Debug)]
pub(crate) enum Refusal {
    NameTaken,
    Idempotency(Error),
    Database(#[expect(dead_code, reason = "read through Debug alone")] sqlx::Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Idempotency(error)
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(cause) if cause.is_unique_violation() => Self::NameTaken,
            _ => Self::Database(error),
        }
    }
}

/// The effect itself.
pub(crate) async fn write(connection: &mut PgConnection, name: Option<&str>) -> sqlx::Result<()> {
    sqlx::query("INSERT INTO effects (name) VALUES ($1)").bind(name).execute(connection).await?;
    Ok(())
}

/// Has an effect that always works, and answers `answer` when it is the first.
pub(crate) async fn make(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    answer: &str,
) -> Result<String, Refusal> {
    idempotency::once(pool, key, now, async |mut transaction| {
        write(&mut transaction, None).await?;
        Ok((transaction, answer.to_owned()))
    })
    .await
}

/// Has an effect that only one can have, and answers `answer` when it is the first.
pub(crate) async fn take_name(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    answer: &str,
) -> Result<String, Refusal> {
    idempotency::once(pool, key, now, async |mut transaction| {
        write(&mut transaction, Some("a name")).await?;
        Ok((transaction, answer.to_owned()))
    })
    .await
}
