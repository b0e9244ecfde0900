//! A clock that stands still until a test turns it.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::clock::Clock;

/// Noon of an ordinary day, in the middle of a month.
const START: i64 = 1_781_524_800;

/// The clock. Clones turn together.
#[derive(Clone)]
pub struct TurnableClock(Arc<AtomicI64>);

impl TurnableClock {
    /// A clock at noon of 15 June 2026.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(START * 1_000_000)))
    }

    /// What it shows.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.0.load(Ordering::SeqCst)).unwrap_or_default()
    }

    /// Turns it on, or back.
    pub fn turn(&self, by: TimeDelta) {
        self.0.fetch_add(by.num_microseconds().unwrap_or(0), Ordering::SeqCst);
    }

    /// The clock as services take it.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let own = self.clone();
        Clock::from_source(Arc::new(move || own.now()))
    }
}

impl Default for TurnableClock {
    fn default() -> Self {
        Self::new()
    }
}
