//! Waiting for what happens by itself.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longer than anything is waited for that works.
const PATIENCE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

/// Waits until a condition holds.
///
/// # Panics
/// When it takes too long: a test that waits for ever says nothing.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let waiting = async {
        while !holds().await {
            sleep(STEP).await;
        }
    };
    timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
}
