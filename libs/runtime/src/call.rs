//! What is known of the call that the current task serves. [`crate::peer`] passes it on to the next hop, so that no
//! handler can forget to.

use std::{future::Future, sync::Arc, time::Duration};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::time::Instant;

/// Names one call in every log line, answer and hop: a TypeID of kind `req`.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: Call;
}

/// The call that is being served.
#[derive(Debug, Clone)]
pub struct Call {
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Its name, `req_…`.
    pub request_id: HeaderValue,
    /// Headers for the next hop: the context token, and the trace's when this process does not trace.
    carried: Arc<HeaderMap>,
}

impl Call {
    /// A call without carried headers.
    #[must_use]
    pub fn new(deadline: Instant, request_id: HeaderValue) -> Self {
        Self { deadline, request_id, carried: Arc::default() }
    }

    /// The call that this task serves; `None` in background work.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// The same call with one more header for the next hop.
    #[must_use]
    pub fn carrying(mut self, name: HeaderName, value: HeaderValue) -> Self {
        Arc::make_mut(&mut self.carried).insert(name, value);
        self
    }

    /// The headers for the next hop.
    #[must_use]
    pub fn carried(&self) -> &HeaderMap {
        &self.carried
    }

    /// How long the caller still waits.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The same call with an earlier deadline; a later one changes nothing.
    #[must_use]
    pub fn until(mut self, deadline: Instant) -> Self {
        self.deadline = self.deadline.min(deadline);
        self
    }

    /// Runs a future as part of this call.
    pub async fn scope<F: Future>(self, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }
}

/// The value of a `grpc-timeout` header: at most eight digits and a unit.
#[must_use]
pub fn parse_timeout(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3_600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// The `grpc-timeout` header of a duration, in milliseconds.
#[must_use]
pub fn format_timeout(timeout: Duration) -> HeaderValue {
    let millis = timeout.as_millis().min(99_999_999);
    HeaderValue::try_from(format!("{millis}m")).expect("digits and a letter are a header value")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_round_trip_and_junk_is_refused() {
        let value = format_timeout(Duration::from_millis(1_500));
        assert_eq!(parse_timeout(&value), Some(Duration::from_millis(1_500)));
        for junk in ["", "m", "5", "5x", "-5m", "123456789S", "٣S"] {
            let Ok(value) = HeaderValue::from_str(junk) else { continue };
            assert_eq!(parse_timeout(&value), None, "{junk}");
        }
    }
}
