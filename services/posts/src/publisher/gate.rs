//! Whether those can be asked at all without whom nothing is sent. Nothing is claimed while they cannot: a sending that never
//! left is still a try.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use postbreeze_runtime::{health, peer::Peer};
use tokio::time::{Instant, timeout};

/// How long an answer is believed.
const BELIEVED: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Gate {
    needed: Vec<Peer>,
    known: Mutex<Option<(bool, Instant)>>,
}

impl Gate {
    pub(super) fn new(needed: Vec<Peer>) -> Self {
        Self { needed, known: Mutex::new(None) }
    }

    /// Whether all of them said a moment ago that they are ready; asks when it was longer ago.
    pub(super) async fn is_open(&self) -> bool {
        if let Some((open, asked)) = self.last()
            && asked.elapsed() < if open { BELIEVED } else { AGAIN }
        {
            return open;
        }
        let answers = join_all(self.needed.iter().map(health::is_serving));
        let answers = timeout(PATIENCE, answers).await.unwrap_or_default();
        let open = !answers.is_empty() && answers.into_iter().all(|ready| ready);
        let before = self.last().is_some_and(|(open, _)| open);
        match (before, open) {
            (true, false) => tracing::warn!("not all are ready that are needed: nothing is sent"),
            (false, true) => tracing::info!("all are ready that are needed: what is due is sent"),
            _ => {}
        }
        self.set(open);
        open
    }

    /// What was last known.
    pub(super) fn was_open(&self) -> bool {
        self.last().is_some_and(|(open, _)| open)
    }

    /// A call has shown that one cannot be reached.
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
