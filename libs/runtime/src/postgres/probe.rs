//! Asks a database whether it can be used, over a connection that nothing else waits for: a busy database is not an absent
//! one. What it learns about the server is known to the pools: connections that lead nowhere are left for new ones.

use std::{
    fmt,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, PgConnection, error::DatabaseError, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::pool::Epoch;

/// How long the server may take to answer; a connection that takes longer is thrown away. Less than what asks waits.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_800);
/// A new connection that answers within this shows that the one before was silent, and the server not merely busy.
const QUICK: Duration = Duration::from_secs(1);
/// An old connection may not see what new ones see: a server that was made read-only, an address that moved.
const AGE: Duration = Duration::from_secs(30);
/// How long another connection may take to come about; the aged one is kept otherwise.
const RENEW_WITHIN: Duration = Duration::from_millis(500);
/// Between two times that all connections are left.
const PAUSE: Duration = Duration::from_secs(5);
/// How long an answer speaks for the database.
const FRESH: Duration = Duration::from_secs(3);

/// SQLSTATE of a table that is not there: the one of migrations is made first.
const UNDEFINED_TABLE: &str = "42P01";

/// When a database of this process answered last; none since it failed to. One server holds the databases of a process.
static ANSWERED: Mutex<Option<Instant>> = Mutex::new(None);
/// Counts statements that were refused because their connections lead to a server that is read-only.
static READ_ONLY: AtomicU64 = AtomicU64::new(0);

/// Why a database cannot be used.
#[derive(Debug)]
pub enum NotReady {
    /// It does not answer in time.
    Silent,
    /// It takes no writes: a standby, or read-only by its settings.
    ReadOnly,
    /// It has no schema yet.
    Empty,
    /// Its schema is older than what this program needs. Versions of migrations.
    Behind {
        /// The newest that was applied.
        applied: i64,
        /// The newest that this program knows.
        needed: i64,
    },
    /// It refuses, or cannot be reached.
    Failed(sqlx::Error),
}

impl fmt::Display for NotReady {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent => f.write_str("no answer in time"),
            Self::ReadOnly => f.write_str("read-only"),
            Self::Empty => f.write_str("no schema: run `migrate`"),
            Self::Behind { applied, needed } => write!(
                f,
                "its newest migration is {applied}, but {needed} is needed: run `migrate`"
            ),
            Self::Failed(error) => match error.as_database_error() {
                Some(refusal) => write!(f, "{}", refusal.message()),
                None => write!(f, "{error}"),
            },
        }
    }
}

/// Whether a database of this process answers, as far as is known.
pub(super) fn answers() -> bool {
    let answered = *lock(&ANSWERED);
    answered.is_some_and(|answered| answered.elapsed() < FRESH)
}

/// A statement was refused because its server is read-only.
pub(super) fn is_read_only() {
    READ_ONLY.fetch_add(1, Ordering::AcqRel);
}

pub(super) struct Probe {
    options: PgConnectOptions,
    epoch: Epoch,
    /// The newest migration that this program knows.
    needed: i64,
    state: Mutex<State>,
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Absent while it is asked: one that is given up is not asked again.
    connection: Option<(PgConnection, Instant)>,
    /// Whether a connection that was there failed, so that others may have.
    has_failed: bool,
    /// The count of [`READ_ONLY`] that was acted upon.
    read_only: u64,
    /// When all connections were last left.
    left: Option<Instant>,
}

impl State {
    /// Counts the connection as failed. Answers whether one had failed before.
    fn suspect(&mut self) -> bool {
        std::mem::replace(&mut self.has_failed, true)
    }
}

impl Probe {
    pub(super) fn new(options: PgConnectOptions, epoch: Epoch, needed: i64) -> Self {
        Self {
            options,
            epoch,
            needed,
            state: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    /// Asks the database, one caller after the other.
    pub(super) async fn ask(&self) -> Result<(), NotReady> {
        let _turn = self.asking.lock().await;
        let begun = Instant::now();
        let kept = {
            let mut state = lock(&self.state);
            state.connection.take()
        };
        // Until it has answered: whoever asks may give up.
        let suspicion = kept.as_ref().map(|_| lock(&self.state).suspect());
        let answer = timeout(ANSWER_WITHIN, self.question(kept)).await;
        let answer = answer.unwrap_or(Err(NotReady::Silent));
        *lock(&ANSWERED) = answer.is_ok().then(Instant::now);
        let mut state = lock(&self.state);
        let (connection, since, is_kept) = match answer {
            Ok(answered) => answered,
            Err(cause) => {
                state.has_failed |= matches!(cause, NotReady::ReadOnly);
                return Err(cause);
            }
        };
        state.connection = Some((connection, since));
        if is_kept && let Some(before) = suspicion {
            state.has_failed = before;
        }
        let read_only = READ_ONLY.load(Ordering::Acquire);
        let must_leave = state.has_failed || state.read_only != read_only;
        let may_leave = state.left.is_none_or(|left| left.elapsed() >= PAUSE);
        if must_leave && may_leave && begun.elapsed() < QUICK {
            state.has_failed = false;
            state.read_only = read_only;
            state.left = Some(Instant::now());
            self.epoch.advance();
            tracing::warn!(
                "connections to the database failed and a new one works: all are replaced"
            );
        }
        Ok(())
    }

    /// The connection that answered, since when it is there, and whether it is the one that was given.
    async fn question(
        &self,
        kept: Option<(PgConnection, Instant)>,
    ) -> Result<(PgConnection, Instant, bool), NotReady> {
        if let Some((mut connection, since)) = kept {
            match self.put(&mut connection).await {
                Ok(()) if since.elapsed() < AGE => return Ok((connection, since, true)),
                // One that has aged goes once another has answered: a server that takes no more connections serves those it has.
                Ok(()) => {
                    let renewed = timeout(RENEW_WITHIN, async {
                        let mut renewed = self.options.connect().await.map_err(NotReady::Failed)?;
                        self.put(&mut renewed).await?;
                        Ok::<_, NotReady>(renewed)
                    });
                    return Ok(match renewed.await {
                        Ok(Ok(renewed)) => (renewed, Instant::now(), true),
                        _ => (connection, since, true),
                    });
                }
                // The server may have been started again, or moved.
                Err(NotReady::Failed(error)) => {
                    tracing::debug!(%error, "the connection that readiness is asked over failed");
                }
                Err(cause) => return Err(cause),
            }
        }
        let mut connection = self.options.connect().await.map_err(NotReady::Failed)?;
        self.put(&mut connection).await?;
        Ok((connection, Instant::now(), false))
    }

    async fn put(&self, connection: &mut PgConnection) -> Result<(), NotReady> {
        const QUESTION: &str = "\
            SELECT
                current_setting('transaction_read_only')::BOOLEAN,
                (SELECT max(version) FROM _sqlx_migrations WHERE success)";
        let (read_only, applied): (bool, Option<i64>) =
            sqlx::query_as(QUESTION).fetch_one(connection).await.map_err(failed)?;
        if read_only {
            return Err(NotReady::ReadOnly);
        }
        let applied = applied.unwrap_or(0);
        if applied < self.needed {
            return Err(NotReady::Behind { applied, needed: self.needed });
        }
        Ok(())
    }
}

fn failed(error: sqlx::Error) -> NotReady {
    let code = error.as_database_error().and_then(DatabaseError::code);
    if code.is_some_and(|code| code == UNDEFINED_TABLE) {
        NotReady::Empty
    } else {
        NotReady::Failed(error)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
