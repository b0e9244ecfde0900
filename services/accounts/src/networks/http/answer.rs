//! What networks answer, and what it means that they do not. Pure.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderMap, StatusCode, header::RETRY_AFTER};
use serde::de::DeserializeOwned;

use crate::networks::outcome::{Failure, Found, Outcome, TokenTrouble, clean};

/// Of an answer that is no JSON, what is told on.
const TEXT_BYTES: usize = 2_000;

/// What a network answered.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// Its status.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// Its body.
    pub(crate) body: Bytes,
}

impl Answer {
    /// Its JSON.
    ///
    /// # Errors
    /// [`Problem::Refused`], as `read` reads it, when the status is no success; [`Problem::Unreadable`] when a success is no
    /// such JSON.
    pub(crate) fn json<T: DeserializeOwned>(
        &self,
        now: DateTime<Utc>,
        read: impl FnOnce(&Self) -> Refusal,
    ) -> Result<T, Problem> {
        self.accepted(now, read)?;
        serde_json::from_slice(&self.body)
            .map_err(|error| Problem::Unreadable(format!("the answer cannot be read: {error}")))
    }

    /// Whether it is a success.
    ///
    /// # Errors
    /// [`Problem::Refused`] when it is none.
    pub(crate) fn accepted(
        &self,
        now: DateTime<Utc>,
        read: impl FnOnce(&Self) -> Refusal,
    ) -> Result<(), Problem> {
        if self.status.is_success() {
            return Ok(());
        }
        let refusal = read(self);
        let retry_after = self.retry_after(now).or(refusal.lasts);
        Err(Problem::Refused { status: self.status, retry_after, refusal })
    }

    /// The JSON of an answer of any status; null where it is none.
    pub(crate) fn value(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// What it says, where it is no JSON.
    pub(crate) fn text(&self) -> String {
        clean(&String::from_utf8_lossy(&self.body[..self.body.len().min(TEXT_BYTES)]))
    }

    /// How long it asks to wait: seconds or a date (RFC 9110), or what is left until a reset.
    fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let text = |name: &str| self.headers.get(name)?.to_str().ok().map(str::trim);
        let until = |time: DateTime<Utc>| (time - now).to_std().ok();
        if let Some(value) = text(RETRY_AFTER.as_str()) {
            if let Ok(seconds) = value.parse() {
                return Some(Duration::from_secs(seconds));
            }
            if let Ok(date) = DateTime::parse_from_rfc2822(value) {
                return until(date.to_utc());
            }
        }
        if self.status != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let reset = ["ratelimit-reset", "x-ratelimit-reset", "x-rate-limit-reset"];
        let reset = reset.into_iter().find_map(text)?;
        if let Ok(date) = DateTime::parse_from_rfc3339(reset) {
            return until(date.to_utc());
        }
        match reset.parse::<i64>().ok()? {
            // Seconds from now, or of the epoch.
            seconds @ 0..1_000_000_000 => u64::try_from(seconds).ok().map(Duration::from_secs),
            epoch => DateTime::from_timestamp(epoch, 0).and_then(until),
        }
    }
}

/// What a network says when it refuses, as its own file reads it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Refusal {
    /// Its name for it, as `InvalidToken`.
    pub(crate) code: String,
    /// What it says to people.
    pub(crate) message: String,
    /// How long it lasts, where the network has a rule for that and the answer does not say.
    pub(crate) lasts: Option<Duration>,
    /// Whether it goes away though its status does not say so.
    pub(crate) transient: bool,
    /// Whether the network may have done it all the same, whatever the status says. It goes away, too.
    pub(crate) ambiguous: bool,
    /// What it says of the token.
    pub(crate) token: Option<TokenTrouble>,
}

/// Why a call has no good answer.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Problem {
    /// The address leads where no request may go. Nothing was sent.
    #[error("the address may not be called: {0}")]
    Forbidden(String),
    /// Nothing was sent: there is no connection.
    #[error("the network cannot be reached: {0}")]
    NotSent(String),
    /// It was sent, or a part of it, and no whole answer came.
    #[error("the answer was lost: {0}")]
    NoAnswer(String),
    /// A success that cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The network refuses.
    #[error("{}", refusal.message)]
    Refused {
        /// The status of the answer.
        status: StatusCode,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
        /// What it says.
        refusal: Refusal,
    },
}

impl Problem {
    /// Whether the network itself is not well, rather than the request.
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Forbidden(_) => false,
            Self::NotSent(_) | Self::NoAnswer(_) | Self::Unreadable(_) => true,
            Self::Refused { status, refusal, .. } => {
                refusal.transient
                    || refusal.ambiguous
                    || status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::TOO_MANY_REQUESTS
                            | StatusCode::REQUEST_TIMEOUT
                            | StatusCode::TOO_EARLY
                    )
            }
        }
    }

    /// What it means where nothing is public yet, or something was only asked.
    pub(crate) fn failure(&self) -> Failure {
        let message = self.to_string();
        match self {
            Self::Forbidden(_) => Failure::permanent("url_forbidden", &message),
            Self::NotSent(_) => Failure::transient("unreachable", &message),
            Self::NoAnswer(_) => Failure::transient("answer_lost", &message),
            Self::Unreadable(_) => Failure::transient("answer_unreadable", &message),
            Self::Refused { status, retry_after, refusal } => {
                if let Some(trouble) = refusal.token {
                    return Failure::of_token(trouble, &message);
                }
                let code = match *status {
                    StatusCode::TOO_MANY_REQUESTS => "rate_limited",
                    _ if refusal.code.is_empty() && status.is_server_error() => "server_error",
                    _ => &refusal.code,
                };
                let failure = if self.is_transient() {
                    Failure::transient(code, &message)
                } else {
                    Failure::permanent(code, &message)
                };
                failure.after(*retry_after)
            }
        }
    }

    /// What it means for the step that makes something public.
    pub(crate) fn outcome(&self) -> Outcome {
        let lost = match self {
            Self::NoAnswer(_) => "answer_lost",
            Self::Unreadable(_) => "answer_unreadable",
            // A server that fails, or a gateway before it, may have done it all the same.
            Self::Refused { status, refusal, .. }
                if refusal.token.is_none()
                    && (refusal.ambiguous
                        || status.is_server_error()
                        || *status == StatusCode::REQUEST_TIMEOUT) =>
            {
                "server_error"
            }
            _ => return Outcome::Failed(self.failure()),
        };
        Outcome::Unknown { code: lost.to_owned(), message: clean(&self.to_string()) }
    }

    /// What it means for a search: it cannot be told, or the token is not valid.
    ///
    /// # Errors
    /// The failure, where it is about the token.
    pub(crate) fn undecided(&self) -> Result<Found, Failure> {
        let failure = self.failure();
        if failure.token.is_some() {
            return Err(failure);
        }
        Ok(Found::not_yet(&failure.message, failure.retry_after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), http::HeaderValue::from_str(value).unwrap())
        });
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: headers.collect(), body: Bytes::from_static(b"{}") }
    }

    fn problem(status: u16, token: Option<TokenTrouble>) -> Problem {
        let refusal = Refusal { code: "Nope".to_owned(), token, ..Refusal::default() };
        answer(status, &[]).accepted(DateTime::UNIX_EPOCH, |_| refusal).unwrap_err()
    }

    #[test]
    fn a_wait_is_seconds_a_date_or_what_is_left_until_a_reset() {
        let now = DateTime::from_timestamp(1_790_000_000, 0).unwrap();
        for (headers, wait) in [
            (vec![("retry-after", "7")], Some(7)),
            (vec![("retry-after", "Mon, 21 Sep 2026 14:13:50 GMT")], Some(30)),
            (vec![("ratelimit-reset", "1790000060")], Some(60)),
            (vec![("x-ratelimit-reset", "2026-09-21T14:14:20.000Z")], Some(60)),
            (vec![("ratelimit-reset", "12")], Some(12)),
            (vec![("retry-after", "soon")], None),
            (vec![("retry-after", "Mon, 21 Sep 1998 13:33:50 GMT")], None),
            (vec![], None),
        ] {
            let wait = wait.map(Duration::from_secs);
            assert_eq!(answer(429, &headers).retry_after(now), wait, "{headers:?}");
        }
        assert_eq!(answer(400, &[("ratelimit-reset", "12")]).retry_after(now), None);
    }

    #[test]
    fn only_a_definite_refusal_means_that_the_network_does_not_have_it() {
        for status in [400, 401, 403, 404, 409, 413, 422, 429] {
            assert!(matches!(problem(status, None).outcome(), Outcome::Failed(_)), "{status}");
        }
        for status in [408, 500, 502, 503, 504] {
            let outcome = problem(status, None).outcome();
            assert!(matches!(outcome, Outcome::Unknown { .. }), "{status}");
            assert!(problem(status, None).failure().transient, "{status}");
        }
        let ambiguous = Refusal { ambiguous: true, ..Refusal::default() };
        let ambiguous = answer(400, &[]).accepted(DateTime::UNIX_EPOCH, |_| ambiguous).unwrap_err();
        assert!(matches!(ambiguous.outcome(), Outcome::Unknown { .. }));
        assert!(ambiguous.failure().transient);
        let lost = Problem::NoAnswer("gone".to_owned());
        assert!(matches!(lost.outcome(), Outcome::Unknown { .. }));
        let not_sent = Problem::NotSent("no route".to_owned()).outcome();
        assert!(matches!(not_sent, Outcome::Failed(Failure { transient: true, .. })));
        assert!(problem(429, None).failure().transient && !problem(422, None).failure().transient);
        let token = problem(400, Some(TokenTrouble::Expired));
        let Outcome::Failed(failure) = token.outcome() else { panic!("{token}") };
        assert_eq!(failure.token, Some(TokenTrouble::Expired));
        assert!(token.undecided().is_err() && problem(500, None).undecided().is_ok());
    }
}
