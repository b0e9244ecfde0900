//! The connections for transactions: a pool of sqlx, with what it lacks. sqlx waits without limit for a connection that was
//! given back and no longer answers, and holds its permit meanwhile; and it has no way to leave connections that lead nowhere.

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::RngExt as _;
use sqlx::{
    Connection as _, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::timeout;

use super::RETURN_WITHIN;

/// Age at which connections end, so that they follow a name that moved and a server that was made larger.
const AGE: Duration = Duration::from_mins(5);
/// Connections that were made together do not end together: an age differs from [`AGE`] by up to a fifth.
const AGE_JITTER: f64 = 0.2;

/// An age at which a connection ends.
pub(super) fn age() -> Duration {
    AGE.mul_f64(rand::rng().random_range(1.0 - AGE_JITTER..1.0 + AGE_JITTER))
}

/// Counts how often the connections to a server were left for new ones.
#[derive(Clone, Default)]
pub(super) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    pub(super) fn current(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    /// Leaves every connection there is: each is closed when it comes back, and nobody waits for those that do not.
    pub(super) fn advance(&self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// A pool for each epoch, made when it is first asked for.
#[derive(Clone)]
pub(super) struct Pool(Arc<Inner>);

struct Inner {
    options: PgConnectOptions,
    connections: u32,
    patience: Duration,
    epoch: Epoch,
    first: Generation,
}

/// The pool of an epoch. Those before it stay until the end of the process, empty: what is borrowed from them may be in use.
struct Generation {
    epoch: u64,
    pool: PgPool,
    next: OnceLock<Box<Generation>>,
}

impl Pool {
    pub(super) fn new(
        options: PgConnectOptions,
        connections: u32,
        patience: Duration,
        epoch: Epoch,
    ) -> Self {
        let first = Generation::new(&options, connections, patience, &epoch);
        Self(Arc::new(Inner { options, connections, patience, epoch, first }))
    }

    /// Another pool to the same server, of another size.
    pub(super) fn resized(&self, connections: u32) -> Self {
        let Inner { options, patience, epoch, .. } = self.0.as_ref();
        Self::new(options.clone(), connections, *patience, epoch.clone())
    }

    /// Another pool to the same server, with these settings of its sessions besides.
    pub(super) fn with_session_settings(&self, settings: &[(&str, &str)]) -> Self {
        let Inner { options, connections, patience, epoch, .. } = self.0.as_ref();
        let options = options.clone().options(settings.iter().copied());
        Self::new(options, *connections, *patience, epoch.clone())
    }

    /// The pool of the current epoch.
    pub(super) fn current(&self) -> &PgPool {
        let Inner { options, connections, patience, epoch, first } = self.0.as_ref();
        let now = epoch.current();
        let mut generation = first;
        loop {
            generation = match generation.next.get() {
                Some(next) => next,
                None if generation.epoch >= now => return &generation.pool,
                None => generation.next.get_or_init(|| {
                    generation.leave();
                    Box::new(Generation::new(options, *connections, *patience, epoch))
                }),
            };
        }
    }
}

impl Generation {
    fn new(
        options: &PgConnectOptions,
        connections: u32,
        patience: Duration,
        epoch: &Epoch,
    ) -> Self {
        let (own, shared) = (epoch.current(), epoch.clone());
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(patience)
            .max_lifetime(age())
            // A query on a dead connection fails anyway; asking first would double the round trips.
            .test_before_acquire(false)
            .after_release(move |connection, _| {
                let is_left = shared.current() != own;
                Box::pin(async move { Ok(!is_left && is_sound(connection).await?) })
            })
            .connect_lazy_with(options.clone());
        Self { epoch: own, pool, next: OnceLock::new() }
    }

    /// Closes what nobody uses. What is in use is closed when it comes back.
    fn leave(&self) {
        while let Some(idle) = self.pool.try_acquire() {
            drop(idle.detach());
        }
    }
}

/// Waits for the end of all that was begun on a connection, and tells whether it can be used again.
///
/// # Errors
/// When it is broken.
pub(super) async fn is_sound(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    match timeout(RETURN_WITHIN, connection.ping()).await {
        Ok(answered) => answered.map(|()| true),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}
