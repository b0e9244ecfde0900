//! Measures how late publishing is. It runs beside the polls: what cannot be measured is sent all the same.

use std::{sync::Arc, time::Duration};

use postbreeze_runtime::postgres::bounded;
use tokio::time::sleep;

use super::Shared;

const EVERY: Duration = Duration::from_secs(5);

/// Measures until the process stops.
pub(super) async fn measure(shared: Arc<Shared>) {
    let stopping = shared.environment.background.stopping().clone();
    let mut failing = false;
    while stopping.run_until_cancelled(sleep(EVERY)).await.is_some() {
        let now = shared.environment.clock.now();
        let oldest = bounded(shared.common.oldest_unsent(now)).await;
        match &oldest {
            Ok(oldest) => {
                let age = oldest.and_then(|oldest| (now - oldest).to_std().ok());
                shared.metrics.oldest_due(age.unwrap_or_default());
            }
            Err(cause) if !failing => {
                tracing::warn!(%cause, "publisher: the age of the oldest due target cannot be measured; publishing goes on");
            }
            Err(_) => {}
        }
        failing = oldest.is_err();
    }
}
