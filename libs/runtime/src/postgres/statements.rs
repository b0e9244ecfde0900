//! Connections for single statements, the most frequent thing there is. The pool asks a connection after each use whether
//! it is still sound, a round trip as dear as a short read: here one whose statement ended is sound, and any other is thrown
//! away.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout,
};

use super::{Trouble, trouble};

/// The connections. Made when first needed, and again whenever one was lost.
#[derive(Clone)]
pub struct Statements(Arc<Shared>);

struct Shared {
    options: PgConnectOptions,
    permits: Semaphore,
    idle: Mutex<Vec<PgConnection>>,
    patience: Duration,
}

impl Statements {
    pub(super) fn new(options: PgConnectOptions, connections: u32, patience: Duration) -> Self {
        let permits =
            usize::try_from(connections).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let (permits, idle) = (Semaphore::new(permits), Mutex::default());
        Self(Arc::new(Shared { options, permits, idle, patience }))
    }

    /// A connection for one statement.
    ///
    /// # Errors
    /// When none is free for too long, or the server cannot be reached.
    pub async fn lease(&self) -> Result<Lease<'_>, sqlx::Error> {
        let timed_out = |_| sqlx::Error::PoolTimedOut;
        let patience = self.0.patience;
        let permit = timeout(patience, self.0.permits.acquire()).await.map_err(timed_out)?;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.0.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => timeout(patience, self.0.options.connect()).await.map_err(timed_out)??,
        };
        Ok(Lease { connection, home: &self.0, _permit: permit })
    }
}

/// A connection for one statement. One that is dropped before [`Lease::end`] is closed: it may still be running.
pub struct Lease<'a> {
    connection: PgConnection,
    home: &'a Shared,
    _permit: SemaphorePermit<'a>,
}

impl Lease<'_> {
    /// What the statement runs on.
    pub fn connection(&mut self) -> &mut PgConnection {
        &mut self.connection
    }

    /// Ends the statement with its result.
    ///
    /// # Errors
    /// The result's own.
    pub fn end<T>(self, result: Result<T, sqlx::Error>) -> Result<T, sqlx::Error> {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(_) => idle.push(self.connection),
            // The server has gone, and the other connections with it.
            Err(error) if trouble(error) == Trouble::Unavailable => idle.clear(),
            Err(_) => {}
        }
        result
    }
}
