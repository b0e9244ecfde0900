//! Who is doing what a request asks for outside of the database: table [`crate::CLAIMS_SCHEMA`].

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{Id, Request};
use postbreeze_runtime::{Environment, call::Call};
use prost::Message;
use sqlx::PgPool;
use tokio::time::{Instant, sleep};

use crate::{Error, Key, find};

/// How long after the end of its call a claim still counts: what was begun outside is undone by then.
const MARGIN: Duration = Duration::from_secs(10);
/// How long a call lasts whose deadline is not known.
const LASTS: Duration = Duration::from_mins(1);
/// Between two looks of a waiting twin; doubled with each that follows, up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(25);
const PAUSE_MAX: Duration = Duration::from_millis(400);
/// Time that a twin which waited in vain keeps for the answer that says so.
const RESERVE: Duration = Duration::from_millis(250);
/// Rows that one statement of [`sweep_claims`] deletes at most, so that none runs long.
const SWEPT_AT_ONCE: i64 = 1_000;

/// The answer to a call that wants to reach outside.
#[derive(Debug)]
pub enum Claimed<M> {
    /// It may: until this is dropped its twins wait.
    Held(Held),
    /// A twin has, and this was its answer.
    Answered(M),
}

/// The right to do what a request asks for outside. Dropped, it is released in the background, whatever became of the call.
#[derive(Debug)]
pub struct Held(Option<Holding>);

struct Holding {
    environment: Environment,
    pool: PgPool,
    key: Key,
    holder: Id<Request>,
}

impl std::fmt::Debug for Holding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holding").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Claims a request before anything outside is reached for it, so that of two parallel calls with one `request_id` one
/// waits for the other's answer. To be asked for after [`find`], and after all that is refused without reaching outside;
/// what follows keeps its answer by [`crate::once`] while it holds the claim.
///
/// A twin that was refused lets the next one try. One that has died holds its claim until ten seconds after the end of its
/// call. Without a key nothing is claimed, and the database is not asked.
///
/// # Errors
/// [`Error::UnderWay`] when a twin's answer does not come within the deadline of this call, [`Error::Reused`] when what came
/// was the answer to another body, [`Error::Database`].
pub async fn claim<M: Message + Default>(
    environment: &Environment,
    pool: &PgPool,
    key: Option<&Key>,
) -> Result<Claimed<M>, Error> {
    let Some(key) = key else { return Ok(Claimed::Held(Held(None))) };
    let left = Call::current().map_or(LASTS, |call| call.remaining());
    let until = Instant::now() + left.saturating_sub(RESERVE);
    let holder = environment.minter.mint(key.user_id.bucket());
    let mut pause = PAUSE;
    loop {
        let now = environment.clock.now();
        let left = Call::current().map_or(LASTS, |call| call.remaining());
        let lasts = TimeDelta::from_std(left + MARGIN).unwrap_or(TimeDelta::MAX);
        if take(pool, key, holder, now, now + lasts).await? {
            let (environment, pool, key) = (environment.clone(), pool.clone(), key.clone());
            let held = Held(Some(Holding { environment, pool, key, holder }));
            // A twin may have been answered, and have released its claim, since the caller looked.
            let answered = held.find(now).await?;
            return Ok(answered.map_or(Claimed::Held(held), Claimed::Answered));
        }
        if Instant::now() + pause >= until {
            return Err(Error::UnderWay);
        }
        sleep(pause).await;
        pause = PAUSE_MAX.min(pause * 2);
        if let Some(first) = find(pool, Some(key), environment.clock.now()).await? {
            return Ok(Claimed::Answered(first));
        }
    }
}

impl Held {
    async fn find<M: Message + Default>(&self, now: DateTime<Utc>) -> Result<Option<M>, Error> {
        match &self.0 {
            Some(holding) => find(&holding.pool, Some(&holding.key), now).await,
            None => Ok(None),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(Holding { environment, pool, key, holder }) = self.0.take() else { return };
        environment.background.spawn(async move {
            if let Err(error) = release(&pool, &key, holder).await {
                tracing::warn!(%error, "idempotency: a claim cannot be released; it lapses by itself");
            }
        });
    }
}

/// Takes a claim that nobody holds, or whose holder's time is over.
async fn take(
    pool: &PgPool,
    key: &Key,
    holder: Id<Request>,
    now: DateTime<Utc>,
    expire_time: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    const TAKE: &str = "\
        INSERT INTO idempotency_claims AS claim (
            bucket,
            user_id,
            rpc,
            request_id,
            holder,
            expire_time
        )
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (bucket, user_id, rpc, request_id) DO UPDATE
        SET holder = excluded.holder,
            expire_time = excluded.expire_time
        WHERE claim.expire_time <= $7";
    let done = sqlx::query(TAKE)
        .bind(key.user_id.bucket().as_i16())
        .bind(key.user_id)
        .bind(key.rpc)
        .bind(&key.request_id)
        .bind(holder)
        .bind(expire_time)
        .bind(now)
        .execute(pool)
        .await?;
    Ok(done.rows_affected() == 1)
}

async fn release(pool: &PgPool, key: &Key, holder: Id<Request>) -> Result<(), sqlx::Error> {
    const RELEASE: &str = "\
        DELETE FROM idempotency_claims
        WHERE bucket = $1
            AND user_id = $2
            AND rpc = $3
            AND request_id = $4
            AND holder = $5";
    sqlx::query(RELEASE)
        .bind(key.user_id.bucket().as_i16())
        .bind(key.user_id)
        .bind(key.rpc)
        .bind(&key.request_id)
        .bind(holder)
        .execute(pool)
        .await?;
    Ok(())
}

/// Deletes the claims whose holders' time is over, in small steps that may be interrupted.
///
/// # Errors
/// When the database fails.
pub async fn sweep_claims(pool: &PgPool, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    // The time is asked for twice: a row that is claimed again while this statement waits for it is judged by the outer
    // condition alone.
    const SWEEP: &str = "\
        DELETE FROM idempotency_claims AS claim
        USING (
            SELECT
                bucket,
                user_id,
                rpc,
                request_id
            FROM idempotency_claims
            WHERE expire_time <= $1
            ORDER BY expire_time
            LIMIT $2
        ) AS old
        WHERE claim.bucket = old.bucket
            AND claim.user_id = old.user_id
            AND claim.rpc = old.rpc
            AND claim.request_id = old.request_id
            AND claim.expire_time <= $1";
    loop {
        let done = sqlx::query(SWEEP).bind(now).bind(SWEPT_AT_ONCE).execute(pool).await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
    }
}
