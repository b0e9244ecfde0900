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
    run(pool, key, now, |_| None, effect).await
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
    run(pool, key, now, |response| Some(redact(response)), effect).await
}

/// Runs the effect, and keeps what `redact` makes of its answer, or else the answer itself.
async fn run<M, E, F>(
    pool: &PgPool,
    key: Option<&Key>,
    now: DateTime<Utc>,
    redact: impl FnOnce(&M) -> Option<M>,
    effect: impl FnOnce(PgTransaction<'static>) -> F,
) -> Result<M, E>
where
    M: Message + Default,
    E: From<Error> + From<sqlx::Error>,
    F: Future<Output = Result<(PgTransaction<'static>, M), E>>,
{
    let refusal = match effect(pool.begin().await?).await {
        Ok((mut transaction, response)) => {
            let redacted = redact(&response);
            match keep(&mut transaction, key, redacted.as_ref().unwrap_or(&response), now).await {
                Ok(()) => {
                    transaction.commit().await?;
                    return Ok(response);
                }
                Err(error) => {
                    // A rollback fails only with the connection, and then the server rolls back by itself.
                    let _ = transaction.rollback().await;
                    error.into()
                }
            }
        }
        Err(error) => error,
    };
    match find(pool, key, now).await {
        Ok(Some(first)) => Ok(first),
        Err(reused @ Error::Reused { .. }) => Err(reused.into()),
        // What went wrong first says more than that it cannot be looked up.
        Ok(None) | Err(Error::Raced | Error::UnderWay | Error::Database(_)) => Err(refusal),
    }
}
