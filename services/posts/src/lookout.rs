//! Looks every second whether something is due, whoever wrote it, and wakes who deals with it: one statement for all, so that
//! many idle processes are no burden.

use std::time::Duration;

use postbreeze_runtime::{Environment, postgres::bounded};
use tokio::time::sleep;

use crate::{bell::Bells, store::Store};

const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Starts looking; it ends with the process.
pub(crate) fn start(environment: &Environment, store: Store, bells: Bells) {
    let (clock, stopping) = (environment.clock.clone(), environment.background.stopping().clone());
    environment.background.spawn(async move {
        let mut failing = false;
        while stopping.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            match bounded(store.look_out(clock.now())).await {
                Ok(due) => {
                    failing = false;
                    for what in due {
                        bells.of(what).ring();
                    }
                }
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "it cannot be told what is due");
                    }
                    failing = true;
                }
            }
        }
    });
}
