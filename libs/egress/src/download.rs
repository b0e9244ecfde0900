//! The body of an answer, read as it arrives and within limits.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, header};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use url::Url;

use crate::{Error, client::Exchange};

/// An answer whose body is still to be read with [`chunk`](Self::chunk). Dropping it closes its connection.
#[derive(Debug)]
pub struct Download {
    url: Url,
    content_type: Option<String>,
    content_length: Option<u64>,
    exchange: Exchange,
    /// Bytes that may still come.
    left: u64,
    idle: Duration,
    end: Instant,
    failed: Option<Error>,
}

impl Download {
    /// The download of a successful answer.
    pub(crate) fn begin(
        url: Url,
        exchange: Exchange,
        max_bytes: u64,
        idle: Duration,
        end: Instant,
    ) -> Result<Self, Error> {
        let response = &exchange.response;
        if !response.status().is_success() {
            return Err(Error::Status(response.status().as_u16()));
        }
        if is_encoded(response) {
            return Err(Error::Encoding);
        }
        let content_length = response.body().size_hint().exact();
        if content_length.is_some_and(|length| length > max_bytes) {
            return Err(Error::TooLarge);
        }
        let content_type = response
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        let left = max_bytes;
        Ok(Self { url, content_type, content_length, exchange, left, idle, end, failed: None })
    }

    /// The URL that answered: the last one of the redirects.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// `Content-Type` as the server claims it.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Bytes of the body, where the server has said so; never more than the limit.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.content_length
    }

    /// The next bytes of the body, `None` once it is complete. The total limit goes on while nobody reads.
    ///
    /// # Errors
    /// [`Error::TooLarge`] as soon as more than the limit has come, [`Error::TimedOut`], [`Error::Broken`] when the
    /// body ends too early. What was read before is then worth nothing, and every later call answers the same.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let next = self.next().await;
        self.failed = next.as_ref().err().copied();
        next
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        loop {
            let now = Instant::now();
            // A body that is always ready would never time out.
            if now >= self.end {
                return Err(Error::TimedOut);
            }
            let until = self.end.min(now + self.idle);
            let body = self.exchange.response.body_mut();
            let frame = timeout_at(until, body.frame()).await.map_err(|_| Error::TimedOut)?;
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| {
                tracing::debug!(%error, "the body of a client's URL broke off");
                Error::Broken
            })?;
            // What is no data is trailers.
            let Ok(data) = frame.into_data() else { continue };
            let size = u64::try_from(data.len()).map_err(|_| Error::TooLarge)?;
            self.left = self.left.checked_sub(size).ok_or(Error::TooLarge)?;
            if !data.is_empty() {
                return Ok(Some(data));
            }
        }
    }
}

fn is_encoded(response: &Response<Incoming>) -> bool {
    let mut encodings = response.headers().get_all(header::CONTENT_ENCODING).iter();
    encodings.any(|encoding| {
        let encoding = encoding.as_bytes().trim_ascii();
        !encoding.is_empty() && !encoding.eq_ignore_ascii_case(b"identity")
    })
}
