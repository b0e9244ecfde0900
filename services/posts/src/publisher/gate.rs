//! Whether `accounts` can be asked at all. Nothing is claimed while it cannot: a sending that never left is still a try.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use postbreeze_runtime::{health, peer::Peer};
use tokio::time::{Instant, timeout};

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Gate {
    accounts: Peer,
    known: Mutex<Option<(bool, Instant)>>,
}

impl Gate {
    pub(super) fn new(accounts: Peer) -> Self {
        Self { accounts, known: Mutex::new(None) }
    }

    /// Whether `accounts` said a moment ago that it is ready; asks when it was longer ago.
    pub(super) async fn is_open(&self) -> bool {
        if let Some((open, asked)) = self.last()
            && asked.elapsed() < if open { BELIEVED } else { AGAIN }
        {
            return open;
        }
        let open = timeout(PATIENCE, health::is_serving(&self.accounts)).await.unwrap_or(false);
        let before = self.last().is_some_and(|(open, _)| open);
        match (before, open) {
            (true, false) => tracing::warn!("accounts is not ready: nothing is sent"),
            (false, true) => tracing::info!("accounts is ready: what is due is sent"),
            _ => {}
        }
        self.set(open);
        open
    }

    /// What was last known.
    pub(super) fn was_open(&self) -> bool {
        self.last().is_some_and(|(open, _)| open)
    }

    /// A call has shown that it cannot be reached.
    pub(super) fn close(&self) {
        self.set(false);
    }

    fn last(&self) -> Option<(bool, Instant)> {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, open: bool) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = Some((open, Instant::now()));
    }
}
