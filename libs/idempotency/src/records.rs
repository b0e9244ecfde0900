//! The kept answers: all SQL on the table `idempotency`.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::postgres::Statements;
use prost::Message;
use sqlx::{PgConnection, PgExecutor, PgPool};

use crate::{Error, Key};

/// How long an answer is kept.
const KEPT: TimeDelta = TimeDelta::hours(24);
/// Rows that one statement of [`sweep`] deletes at the most, so that none runs long.
const SWEPT_AT_ONCE: i64 = 1_000;

/// The kept answer to a request; `None` when there is none, it is 24 hours old, or there is no key.
///
/// # Errors
/// [`Error::Reused`] when the answer was to another body, [`Error::Database`].
pub async fn find<M: Message + Default>(
    database: impl PgExecutor<'_>,
    key: Option<&Key>,
    now: DateTime<Utc>,
) -> Result<Option<M>, Error> {
    let Some(key) = key else { return Ok(None) };
    answer_of(key, read(database, key, now).await?)
}

/// As [`find`], over the connections for single statements: a call asks it before it does anything.
///
/// # Errors
/// As [`find`].
pub async fn look_up<M: Message + Default>(
    statements: &Statements,
    key: Option<&Key>,
    now: DateTime<Utc>,
) -> Result<Option<M>, Error> {
    let Some(key) = key else { return Ok(None) };
    let mut lease = statements.lease().await?;
    let kept = read(lease.connection(), key, now).await;
    answer_of(key, lease.end(kept)?)
}

/// Fingerprint and answer of a request that was kept.
type Kept = (Vec<u8>, Vec<u8>);

async fn read(
    database: impl PgExecutor<'_>,
    key: &Key,
    now: DateTime<Utc>,
) -> Result<Option<Kept>, sqlx::Error> {
    const FIND: &str = "\
        SELECT
            fingerprint,
            response
        FROM idempotency
        WHERE bucket = $1
            AND user_id = $2
            AND rpc = $3
            AND request_id = $4
            AND create_time > $5";
    sqlx::query_as(FIND)
        .bind(key.user_id.bucket().as_i16())
        .bind(key.user_id)
        .bind(key.rpc)
        .bind(&key.request_id)
        .bind(now - KEPT)
        .fetch_optional(database)
        .await
}

fn answer_of<M: Message + Default>(key: &Key, kept: Option<Kept>) -> Result<Option<M>, Error> {
    match kept {
        None => Ok(None),
        Some((fingerprint, _)) if fingerprint != key.fingerprint => {
            Err(Error::Reused { request_id: key.request_id.clone() })
        }
        Some((_, response)) => {
            let answer = M::decode(response.as_slice());
            answer.map(Some).map_err(|error| Error::Database(sqlx::Error::Decode(error.into())))
        }
    }
}

/// Keeps an answer, in the transaction of its effect. Waits for a twin that is about to commit.
///
/// # Errors
/// [`Error::Raced`] when a twin committed first: roll back, then [`find`] its answer. [`Error::Database`].
pub async fn keep<M: Message>(
    transaction: &mut PgConnection,
    key: Option<&Key>,
    response: &M,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    // An answer that is no longer kept, and not yet swept, makes way.
    const KEEP: &str = "\
        INSERT INTO idempotency AS kept (
            bucket,
            user_id,
            rpc,
            request_id,
            fingerprint,
            response,
            create_time
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT (bucket, user_id, rpc, request_id) DO UPDATE
        SET fingerprint = excluded.fingerprint,
            response = excluded.response,
            create_time = excluded.create_time
        WHERE kept.create_time <= $8";
    let Some(key) = key else { return Ok(()) };
    let done = sqlx::query(KEEP)
        .bind(key.user_id.bucket().as_i16())
        .bind(key.user_id)
        .bind(key.rpc)
        .bind(&key.request_id)
        .bind(key.fingerprint.as_slice())
        .bind(response.encode_to_vec())
        .bind(now)
        .bind(now - KEPT)
        .execute(transaction)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Raced) }
}

/// Deletes the answers that are no longer kept, in small steps that may be interrupted. Answers how many.
///
/// # Errors
/// When the database fails.
pub async fn sweep(pool: &PgPool, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
    // The age is asked for twice: a row that `keep` makes new while this statement waits for it is judged again by the
    // outer condition alone.
    const SWEEP: &str = "\
        DELETE FROM idempotency AS kept
        USING (
            SELECT
                bucket,
                user_id,
                rpc,
                request_id
            FROM idempotency
            WHERE create_time <= $1
            ORDER BY create_time
            LIMIT $2
        ) AS old
        WHERE kept.bucket = old.bucket
            AND kept.user_id = old.user_id
            AND kept.rpc = old.rpc
            AND kept.request_id = old.request_id
            AND kept.create_time <= $1";
    let mut swept = 0;
    loop {
        let done = sqlx::query(SWEEP).bind(now - KEPT).bind(SWEPT_AT_ONCE).execute(pool).await?;
        if done.rows_affected() == 0 {
            return Ok(swept);
        }
        swept += done.rows_affected();
    }
}
