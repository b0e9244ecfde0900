//! How long anything may take.

use std::{future::Future, time::Duration};

use object_store::{BackoffConfig, ClientOptions, RetryConfig};
use tokio::time::timeout;

use super::StorageError;

/// For what moves next to nothing. Less than the deadline of most calls, so that a store that is down is told as such.
pub(super) const QUICK: Duration = Duration::from_secs(4);
/// For what moves bytes: a part of an upload, a whole image.
pub const TRANSFER: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(2);
const RETRIES: usize = 2;
const RETRY_WITHIN: Duration = Duration::from_secs(3);

/// What a store answers within that time.
pub(super) async fn within<T, E: Into<StorageError>>(
    bound: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, StorageError> {
    match timeout(bound, work).await {
        Ok(done) => done.map_err(Into::into),
        Err(elapsed) => Err(StorageError::unreachable(elapsed)),
    }
}

/// How connections to a provider are made.
pub(super) fn client() -> ClientOptions {
    ClientOptions::new().with_connect_timeout(CONNECT).with_timeout(TRANSFER)
}

/// How often a request is tried again.
pub(super) fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(50),
            max_backoff: Duration::from_millis(500),
            base: 2.0,
        },
        max_retries: RETRIES,
        retry_timeout: RETRY_WITHIN,
    }
}
