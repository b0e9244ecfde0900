//! Whether a log is followed as it should be, for health.

use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::clock::Clock;

use crate::failed::Counts;

/// How long an entry may fail, or the log be out of reach, before health says so.
const PATIENCE: TimeDelta = TimeDelta::seconds(60);

/// A log that is followed.
#[derive(Clone)]
pub struct Following {
    clock: Clock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Since when the log cannot be read.
    unread_since: Option<DateTime<Utc>>,
    set_aside: Counts,
}

impl Following {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, state: Arc::default() }
    }

    /// Whether the log can be read, no entry has failed for longer than a minute, and none was set aside because it cannot
    /// be read.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        let now = self.clock.now();
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_short =
            |since: Option<DateTime<Utc>>| since.is_none_or(|since| now - since < PATIENCE);
        is_short(state.unread_since)
            && is_short(state.set_aside.oldest)
            && state.set_aside.unreadable == 0
    }

    pub(crate) fn read(&self, succeeded: bool) {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.unread_since = if succeeded { None } else { state.unread_since.or(Some(now)) };
    }

    pub(crate) fn set_aside(&self, counts: Counts) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).set_aside = counts;
    }
}
