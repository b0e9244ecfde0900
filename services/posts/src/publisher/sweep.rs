//! Finds what fell through, a few buckets at a time, so that the whole table is seen every ten minutes or so and no moment
//! pays for it.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use postbreeze_runtime::postgres::bounded;
use tokio::time::sleep;

use super::Shared;

const EVERY: Duration = Duration::from_secs(10);
/// Of 4,096.
const BUCKETS: i16 = 64;
const ALL: i16 = 4_096;
/// What is late by less than this is being dealt with.
const LATE: TimeDelta = TimeDelta::minutes(1);

pub(super) async fn sweep(shared: Arc<Shared>) {
    let stopping = shared.environment.background.stopping().clone();
    let mut from = 0;
    while stopping.run_until_cancelled(sleep(EVERY)).await.is_some() {
        let now = shared.environment.clock.now();
        match bounded(shared.common.mend_due(from..from + BUCKETS, now - LATE)).await {
            Ok(0) => {}
            Ok(targets) => {
                tracing::warn!(targets, "targets that had fallen through are sent");
                shared.wake.at(Some(now), now);
            }
            Err(cause) => tracing::warn!(%cause, "what fell through cannot be found"),
        }
        from = (from + BUCKETS) % ALL;
    }
}
