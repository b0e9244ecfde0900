//! Deletes kept answers whose day is over, now and then.

use std::time::Duration;

use postbreeze_runtime::Environment;
use rand::RngExt as _;

use crate::store::Store;

/// Seconds between two sweeps, so that replicas do not sweep in step.
const EVERY_SECONDS: std::ops::Range<u64> = 480..720;

/// Starts sweeping, until the process stops.
pub(crate) fn start(store: Store, environment: &Environment) {
    let (clock, stopping) = (environment.clock.clone(), environment.background.stopping().clone());
    environment.background.spawn(async move {
        let mut failing = false;
        loop {
            let pause = Duration::from_secs(rand::rng().random_range(EVERY_SECONDS));
            tokio::select! {
                () = stopping.cancelled() => break,
                () = tokio::time::sleep(pause) => {}
            }
            match store.sweep(clock.now()).await {
                Ok(swept) => {
                    failing = false;
                    tracing::debug!(swept, "swept kept answers");
                }
                Err(error) if !failing => {
                    failing = true;
                    tracing::warn!(%error, "cannot sweep kept answers");
                }
                Err(_) => {}
            }
        }
    });
}
