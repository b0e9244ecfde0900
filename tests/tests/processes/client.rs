//! What clients do whose server may be gone.

use std::time::Duration;

use tonic::{Code, Status};

/// Asks until there is an answer, as a client does that retries what is UNAVAILABLE.
pub(crate) async fn insist<T, F: Future<Output = Result<T, Status>>>(
    ask: impl Fn() -> F,
) -> Result<T, Status> {
    loop {
        match ask().await {
            Err(status) if matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answer => return answer,
        }
    }
}
