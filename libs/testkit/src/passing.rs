//! Time that passes while posts are on their way.

use std::fmt::Debug;

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    system::System,
    waiting::{eventually, until_that},
};

/// How old what is on its way may become by the clock: far less than a lease, which is renewed as real time passes.
const YOUNG: TimeDelta = TimeDelta::seconds(20);
const STEP: TimeDelta = TimeDelta::seconds(5);

impl System {
    /// When the oldest sending to a network began that has not ended.
    async fn oldest_sending(&self) -> Option<DateTime<Utc>> {
        sqlx::query_scalar(
            "SELECT min(start_time) FROM publish_attempts WHERE status = 'in_flight'",
        )
        .fetch_one(self.pool("posts"))
        .await
        .expect("the database answers")
    }

    /// Lets time pass, and overtakes nothing that is on its way to a network: by a clock that runs ahead of it a publisher
    /// that is at work looks dead.
    ///
    /// # Panics
    /// When something stays on its way.
    pub async fn pass(&self, by: TimeDelta) {
        let oldest = async || self.oldest_sending().await;
        let after = self.clock.now() + by;
        until_that("nothing old is on its way", oldest, |oldest| {
            oldest.is_none_or(|begun| after - begun < YOUNG)
        })
        .await;
        self.clock.turn(by);
    }

    /// Looks again and again until something is seen of which this holds, and answers it. Time passes meanwhile as in
    /// [`Self::pass`], five seconds for each look: what is to be tried again, or to be looked for, becomes due.
    ///
    /// # Panics
    /// As [`eventually`].
    pub async fn as_time_passes<T, F>(
        &self,
        what: &str,
        look: impl Fn() -> F,
        holds: impl Fn(&T) -> bool,
    ) -> T
    where
        T: Debug,
        F: Future<Output = T>,
    {
        eventually(what, async || {
            let seen = look().await;
            if holds(&seen) {
                return Ok(seen);
            }
            if self.oldest_sending().await.is_none_or(|begun| self.clock.now() - begun < YOUNG) {
                self.clock.turn(STEP);
            }
            Err(seen)
        })
        .await
    }
}
