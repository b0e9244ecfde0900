//! Follows the ordered log of another service, at least once, also after a restart.
//!
//! Entries are handled in their order. One that fails is written down in the follower's own database (the table
//! `failed_log_entries`, owned by this library) and retried with a growing delay, while later entries go on. Later entries
//! of the same subject, a workspace or an account, wait behind it: of one subject the order is kept. An entry that cannot
//! be read is written down and not retried.
//!
//! Any number of replicas follow one log: an entry is marked as handled in the transaction of its effect, by one of them
//! ([`Pass::mark`]).

mod failed;
mod metrics;
mod pass;
mod retry;
mod state;

use std::{fmt::Display, sync::Arc, time::Duration};

use postbreeze_runtime::{Environment, clock::Clock, postgres::Database};
use prost::Message;
use tokio::time::{Instant, sleep, timeout};
use tonic::async_trait;

pub use crate::pass::Pass;
pub use crate::state::Following;
use crate::{failed::FailedEntries, metrics::Metrics, retry::Retrier};

/// After a reading that failed, and after one that told nothing sooner than this: who is stopping lets nobody wait.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a reading and the handling of its entries may take: a connection to the database may never answer.
const READ_WITHIN: Duration = Duration::from_secs(30);
/// How long the first attempt at an entry holds up the next entries. An entry that takes longer goes on as a retry.
const FIRST_ATTEMPT: Duration = Duration::from_secs(5);

/// Why an entry was not handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It cannot be read, today or tomorrow.
    Unreadable(String),
    /// Something went wrong that may go well another time.
    Failed(String),
}

impl Failure {
    /// A failure that may go well another time.
    #[must_use]
    pub fn failed(cause: impl Display) -> Self {
        Self::Failed(cause.to_string())
    }

    /// A field that cannot be read.
    #[must_use]
    pub fn unreadable(field: &str, cause: impl Display) -> Self {
        Self::Unreadable(format!("{field}: {cause}"))
    }
}

/// The answer of a log to one read.
#[derive(Debug, Clone)]
pub struct Page<E> {
    /// The entries after the position that was asked for, oldest first.
    pub entries: Vec<E>,
    /// Without entries: the position of the last entry ever appended, where the source tells it.
    pub last_position: Option<i64>,
}

/// One log, and how this service handles its entries.
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// An entry.
    type Entry: Message + Default + Clone + 'static;

    /// The log's name, in `failed_log_entries`, in metrics and in log lines.
    const NAME: &'static str;
    /// The table of one row whose `position` tells how far the log was read.
    const POSITION_TABLE: &'static str;

    /// The entries after a position, oldest first. Waits a moment when there is none.
    ///
    /// # Errors
    /// When the log cannot be read now.
    async fn read(&self, after_position: i64) -> Result<Page<Self::Entry>, String>;

    /// An entry's place in the order.
    fn position(entry: &Self::Entry) -> i64;

    /// The workspace or account that an entry is about: entries of one subject are handled in their order.
    fn subject(entry: &Self::Entry) -> &str;

    /// Handles an entry, and marks it as handled in the last transaction of its effect. Must bear to be cut off midway, and
    /// to be done again.
    ///
    /// # Errors
    /// Why it was not handled.
    async fn handle(&self, entry: &Self::Entry, pass: Pass) -> Result<(), Failure>;

    /// The part of an entry that must not wait for earlier entries of its subject.
    ///
    /// # Errors
    /// Why it was not done; the whole entry is handled later in any case.
    async fn handle_ahead(&self, _entry: &Self::Entry) -> Result<(), Failure> {
        Ok(())
    }
}

/// Follows a log until the process has ended its calls: they are answered from what the log tells. `database` is the follower's.
pub fn follow<L: Log>(environment: &Environment, database: &Database, log: L) -> Following {
    let following = Following::new(environment.clock.clone());
    let shared = Arc::new(Shared {
        log,
        failed: FailedEntries::new(database.clone(), L::NAME, L::POSITION_TABLE),
        clock: environment.clock.clone(),
        metrics: Metrics::new(L::NAME),
        following: following.clone(),
    });
    let ending = environment.background.ending().clone();
    let reader = Reader { shared: Arc::clone(&shared) };
    environment.background.spawn(async move {
        ending.run_until_cancelled(reader.run()).await;
    });
    let ending = environment.background.ending().clone();
    let retrier = Retrier { shared };
    environment.background.spawn(async move {
        ending.run_until_cancelled(retrier.run()).await;
    });
    following
}

struct Shared<L> {
    log: L,
    failed: FailedEntries,
    clock: Clock,
    metrics: Metrics,
    following: Following,
}

struct Reader<L> {
    shared: Arc<Shared<L>>,
}

impl<L: Log> Reader<L> {
    async fn run(self) {
        let mut failing = false;
        loop {
            let asked = Instant::now();
            let read = timeout(READ_WITHIN, self.read_on()).await;
            let read = read.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            self.shared.following.read(read.is_ok());
            if let Err(cause) = &read
                && !failing
            {
                tracing::warn!(
                    log = L::NAME,
                    cause,
                    "a log cannot be followed now: it is tried again"
                );
            }
            failing = read.is_err();
            if failing || (read == Ok(0) && asked.elapsed() < PAUSE) {
                sleep(PAUSE).await;
            }
        }
    }

    /// Handles what there is after the last entry that was passed, and answers how many entries there were.
    async fn read_on(&self) -> Result<usize, String> {
        let after = self.shared.failed.position().await.map_err(|error| error.to_string())?;
        let Page { entries, last_position } = self.shared.log.read(after).await?;
        if let Some(last) = last_position.filter(|last| *last < after) {
            self.shared.failed.rewind(last).await.map_err(|error| error.to_string())?;
            tracing::error!(
                log = L::NAME,
                after,
                last,
                "the log ends before what was read of it: it was restored from a backup, and is followed from its end"
            );
        }
        for entry in &entries {
            self.pass(entry).await.map_err(|error| error.to_string())?;
        }
        Ok(entries.len())
    }

    /// Handles an entry, or sets it aside.
    async fn pass(&self, entry: &L::Entry) -> Result<(), sqlx::Error> {
        let Shared { log, failed, clock, metrics, .. } = &*self.shared;
        let (position, subject) = (L::position(entry), L::subject(entry));
        if failed.holds_up(subject).await? {
            let ahead = timeout(FIRST_ATTEMPT, log.handle_ahead(entry)).await;
            if let Err(failure) = ahead.unwrap_or_else(|_| Err(unfinished(FIRST_ATTEMPT))) {
                tracing::warn!(
                    log = L::NAME,
                    position,
                    ?failure,
                    "a part of an entry was not done ahead"
                );
            }
            let cause = Failure::failed("waits for an earlier entry of its subject");
            return failed.set_aside(entry, position, subject, &cause, 0, clock.now()).await;
        }
        let pass = Pass::first(L::POSITION_TABLE, position);
        let handled = timeout(FIRST_ATTEMPT, log.handle(entry, pass)).await;
        let Err(failure) = handled.unwrap_or_else(|_| Err(unfinished(FIRST_ATTEMPT))) else {
            return Ok(());
        };
        failed.set_aside(entry, position, subject, &failure, 1, clock.now()).await?;
        metrics.failed(&failure);
        tracing::error!(
            log = L::NAME,
            position,
            subject,
            ?failure,
            "an entry was set aside: later entries go on without it"
        );
        Ok(())
    }
}

fn unfinished(within: Duration) -> Failure {
    Failure::Failed(format!("did not finish within {} s", within.as_secs()))
}
