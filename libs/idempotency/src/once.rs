//! An effect and its kept answer, in one transaction.

use chrono::{DateTime, Utc};
use prost::Message;
use sqlx::{PgPool, PgTransaction};

use crate::{Error, Key, find, keep};

/// Runs an effect and keeps its answer, both in one transaction; where a twin was first, its answer is given instead.
///
/// ```ignore
/// idempotency::once(&pool, key.as_ref(), now, async |mut tx| {
///     store::posts::insert(&mut tx, &post).await?;
///     Ok((tx, CreatePostResponse { post: Some(post.into()) }))
/// })
/// .await
/// ```
///
/// The effect owns the transaction and hands it back: a borrowed one would make its future unfit for handlers, which
/// must be `Send` (rust-lang/rust#110338). One that is not handed back is rolled back.
///
/// The first of many costs no extra read: the effect of a later one runs too, and is rolled back. So it must touch
/// nothing but the transaction, and whatever a replay takes precedence over (the clock, an etag, a state, a name that
/// is taken, a plan's limit) is to be refused inside of it: a refusal, too, gives way to a first answer.
///
/// # Errors
/// The effect's own when there is no first answer, or [`Error`]'s: [`Error::Raced`] only where an answer is swept, by
/// a process whose clock is ahead, at the moment it is asked for.
pub async fn once<M, E, F>(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    effect: impl FnOnce(PgTransaction<'static>) -> F,
) -> Result<M, E>
where
    M: Message + Default,
    E: From<Error> + From<sqlx::Error>,
    F: Future<Output = Result<(PgTransaction<'static>, M), E>>,
{
    match effect(pool.begin().await?).await {
        Ok((mut transaction, response)) => {
            let kept = keep(&mut transaction, key, &response, now).await;
            conclude(pool, transaction, key, now, kept, response).await
        }
        Err(error) => refuse(pool, key, now, error).await,
    }
}

/// As [`once`], for an answer with a secret that is shown once: `redact` makes what is kept, and so what a replay is
/// answered.
///
/// # Errors
/// As [`once`].
pub async fn once_redacted<M, E, F>(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    redact: impl FnOnce(&M) -> M,
    effect: impl FnOnce(PgTransaction<'static>) -> F,
) -> Result<M, E>
where
    M: Message + Default,
    E: From<Error> + From<sqlx::Error>,
    F: Future<Output = Result<(PgTransaction<'static>, M), E>>,
{
    match effect(pool.begin().await?).await {
        Ok((mut transaction, response)) => {
            let kept = keep(&mut transaction, key, &redact(&response), now).await;
            conclude(pool, transaction, key, now, kept, response).await
        }
        Err(error) => refuse(pool, key, now, error).await,
    }
}

/// Commits when the answer is kept; gives the first answer when there was one.
async fn conclude<M, E>(
    pool: &PgPool,
    transaction: PgTransaction<'static>,
    key: Option<&Key>,
    now: DateTime<Utc>,
    kept: Result<(), Error>,
    response: M,
) -> Result<M, E>
where
    M: Message + Default,
    E: From<Error> + From<sqlx::Error>,
{
    match kept {
        Ok(()) => {
            transaction.commit().await?;
            Ok(response)
        }
        Err(error) => {
            // A rollback fails only with the connection, and then the server rolls back by itself.
            let _ = transaction.rollback().await;
            refuse(pool, key, now, error.into()).await
        }
    }
}

/// Answers as a twin was answered; without one, with the error.
async fn refuse<M, E>(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    error: E,
) -> Result<M, E>
where
    M: Message + Default,
    E: From<Error>,
{
    match find(pool, key, now).await {
        Ok(Some(first)) => Ok(first),
        Err(reused @ Error::Reused { .. }) => Err(reused.into()),
        // What went wrong first says more than that it cannot be looked up.
        Ok(None) | Err(Error::Raced | Error::Database(_)) => Err(error),
    }
}
