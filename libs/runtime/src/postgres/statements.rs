//! Connections for single statements, the most frequent thing there is. The pool asks a connection after each use whether
//! it is still sound, a round trip as dear as a short read: here one whose statement ended is sound. One whose statement was
//! given up is asked in the background, and nobody waits for it.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use super::{
    Trouble,
    pool::{Epoch, age, is_sound},
    trouble,
};

/// How long the farewell to a connection may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// The connections. Made when first needed, and again whenever one was lost.
#[derive(Clone)]
pub struct Statements(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    connections: usize,
    /// Of an epoch. What is borrowed from an earlier one may never come back, and must not count any more.
    permits: Mutex<(u64, Arc<Semaphore>)>,
    idle: Mutex<Vec<Kept>>,
    patience: Duration,
    epoch: Epoch,
}

/// A connection, and until when it is used.
struct Kept {
    connection: PgConnection,
    epoch: u64,
    since: Instant,
    age: Duration,
}

impl Statements {
    pub(super) fn new(
        options: PgConnectOptions,
        connections: u32,
        patience: Duration,
        epoch: Epoch,
    ) -> Self {
        let connections =
            usize::try_from(connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let permits = Mutex::new((epoch.current(), Arc::new(Semaphore::new(connections))));
        Self(Arc::new(Shared {
            options,
            connections,
            permits,
            idle: Mutex::default(),
            patience,
            epoch,
        }))
    }

    /// Other connections to the same server, another number of them.
    pub(super) fn resized(&self, connections: u32) -> Self {
        let Shared { options, patience, epoch, .. } = self.0.as_ref();
        Self::new(options.clone(), connections, *patience, epoch.clone())
    }

    /// A connection for one statement.
    ///
    /// # Errors
    /// When none is free for too long, or the server cannot be reached.
    pub async fn lease(&self) -> Result<Lease<'_>, sqlx::Error> {
        let home = &self.0;
        let permit = timeout(home.patience, home.permits().acquire_owned())
            .await
            .map_err(|_| sqlx::Error::PoolTimedOut)?
            .map_err(|_| sqlx::Error::PoolClosed)?;
        let kept = match home.take() {
            Some(kept) => kept,
            None => home.connect().await?,
        };
        Ok(Lease { used: Some((kept, permit)), home })
    }
}

impl Shared {
    async fn connect(&self) -> Result<Kept, sqlx::Error> {
        // Of the moment before: what is made while an epoch ends may lead where the old ones led.
        let epoch = self.epoch.current();
        let connection = timeout(self.patience, self.options.connect())
            .await
            .map_err(|_| sqlx::Error::from(io::Error::from(io::ErrorKind::TimedOut)))??;
        Ok(Kept { connection, epoch, since: Instant::now(), age: age() })
    }

    /// The permits of the current epoch.
    fn permits(&self) -> Arc<Semaphore> {
        let mut permits = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.epoch.current();
        if permits.0 != current {
            *permits = (current, Arc::new(Semaphore::new(self.connections)));
        }
        Arc::clone(&permits.1)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Kept>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fit(&self, kept: &Kept) -> bool {
        kept.epoch == self.epoch.current() && kept.since.elapsed() < kept.age
    }

    /// A connection that waits to be used. Those that are too old are closed on the way.
    fn take(&self) -> Option<Kept> {
        loop {
            let kept = self.idle().pop()?;
            if self.is_fit(&kept) {
                return Some(kept);
            }
            close(kept);
        }
    }

    fn keep(&self, kept: Kept) {
        if self.is_fit(&kept) {
            self.idle().push(kept);
        } else {
            close(kept);
        }
    }

    /// Waits, in the background, for the end of what was given up, and keeps the connection. It counts until then: what the
    /// server still runs is among the connections that this process may have.
    fn recover(self: &Arc<Self>, mut kept: Kept, permit: OwnedSemaphorePermit) {
        // Without a runtime the process is ending, and the connection with it.
        let Ok(runtime) = Handle::try_current() else { return };
        let home = Arc::clone(self);
        runtime.spawn(async move {
            match is_sound(&mut kept.connection).await {
                Ok(_) => home.keep(kept),
                Err(error) => {
                    tracing::info!(%error, "a connection to the database was given up: the next call makes a new one");
                }
            }
            drop(permit);
        });
    }
}

/// Says farewell, in the background.
fn close(kept: Kept) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(timeout(CLOSE_WITHIN, kept.connection.close()));
    }
}

/// A connection for one statement. One that is dropped before [`Lease::end`], because its caller has given up, may still be
/// running: it is used again once the server has answered.
pub struct Lease<'a> {
    /// Taken when it goes back.
    used: Option<(Kept, OwnedSemaphorePermit)>,
    home: &'a Arc<Shared>,
}

impl Lease<'_> {
    /// The connection that the statement runs on.
    pub fn connection(&mut self) -> &mut PgConnection {
        let (kept, _) = self.used.as_mut().expect("a lease has its connection until its end");
        &mut kept.connection
    }

    /// Ends the statement with its result.
    ///
    /// # Errors
    /// The result's own.
    pub fn end<T>(mut self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        match &result {
            Ok(_) => {
                if let Some((kept, _permit)) = self.used.take() {
                    self.home.keep(kept);
                }
            }
            // The server has gone, and the other connections with it.
            Err(error) if trouble(error) == Trouble::Unavailable => {
                self.used = None;
                self.home.idle().clear();
            }
            // Its connection is as good as any: it goes back as one that was dropped.
            Err(_) => {}
        }
        result
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some((kept, permit)) = self.used.take() {
            self.home.recover(kept, permit);
        }
    }
}
