//! HTTP to networks: bounded in time and size, on no redirect, and with an answer to the one question that matters after a
//! failure: can the network have acted on it?

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use http::{HeaderMap, Method, StatusCode, header::RETRY_AFTER};
use postbreeze_egress::{Egress, Policy, Resolve as _, SystemResolver};
use postbreeze_proto::{internal::v1::MediaToPublish, status::Reason};
use reqwest::{
    Body, Client, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    multipart::Form,
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto::aws_lc_rs};
use url::Url;

use super::{
    ConnectError,
    outcome::{Failure, Found, Outcome, TokenTrouble, clean},
};

const CONNECT_WITHIN: Duration = Duration::from_secs(4);
/// A call's time when nothing else is said.
const WITHIN: Duration = Duration::from_secs(15);
/// An answer at the most.
const ANSWER_BYTES: usize = 8 * 1_024 * 1_024;
/// Of an answer that is no JSON, what is told on.
const TEXT_BYTES: usize = 2_000;
const AGENT: &str = concat!("Postbreeze/", env!("CARGO_PKG_VERSION"));

/// The way to networks.
#[derive(Clone)]
pub(crate) struct Http {
    open: Client,
    guarded: Client,
    policy: Policy,
    egress: Egress,
}

impl Http {
    /// A way with connections of its own. Addresses that users name must be ones that the policy allows.
    ///
    /// # Errors
    /// When the library refuses its settings.
    pub(crate) fn new(policy: Policy) -> Result<Self, reqwest::Error> {
        let guard = Guard { policy: policy.clone(), resolver: Arc::new(SystemResolver::default()) };
        Ok(Self {
            open: client().build()?,
            // Small servers close connections without saying so: what is sent on one at that moment is sent to nobody knows.
            guarded: client().dns_resolver(guard).pool_max_idle_per_host(0).build()?,
            egress: Egress::new(policy.clone()),
            policy,
        })
    }

    /// The origin of a server that a user named, as `https://mastodon.example`: no path, no credentials, https unless the
    /// operator allows its very address.
    ///
    /// # Errors
    /// What is wrong with it, with `URL_FORBIDDEN` where it leads where no request may go.
    pub(crate) fn server(&self, field: &'static str, text: &str) -> Result<String, ConnectError> {
        let url = self.egress.check(text).map_err(|error| match error {
            postbreeze_egress::Error::Forbidden => ConnectError::Invalid {
                field,
                reason: Reason::UrlForbidden,
                problem: "leads to an address that may not be called".to_owned(),
            },
            other => ConnectError::invalid(field, other.to_string()),
        })?;
        if url.scheme() != "https" && !self.is_allowed_by_name(&url) {
            return Err(ConnectError::invalid(field, "must be an https URL"));
        }
        if url.path() != "/" || url.query().is_some() {
            return Err(ConnectError::invalid(field, "must be a server's URL without a path"));
        }
        Ok(url.origin().ascii_serialization())
    }

    /// Whether the operator has named the very network of an address, which is none of the public ones.
    fn is_allowed_by_name(&self, url: &Url) -> bool {
        let address: Option<IpAddr> = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        address.is_some_and(|address| {
            self.policy.allows(address) && !Policy::default().allows(address)
        })
    }

    /// A request to an address of the configuration, or of our own store.
    pub(crate) fn open(&self, method: Method, url: &str) -> Request {
        Request(self.open.request(method, url))
    }

    /// A request to an address that a user named.
    ///
    /// # Errors
    /// [`Problem::Forbidden`] when it leads where no request may go.
    pub(crate) fn guarded(&self, method: Method, url: &str) -> Result<Request, Problem> {
        let url = self.egress.check(url).map_err(|error| Problem::Forbidden(error.to_string()))?;
        Ok(Request(self.guarded.request(method, url)))
    }

    /// The bytes of a medium, for networks that take them whole.
    ///
    /// # Errors
    /// A failure when it is larger than `most`, or cannot be read now.
    pub(crate) async fn medium(
        &self,
        medium: &MediaToPublish,
        most: usize,
    ) -> Result<Bytes, Failure> {
        let size = usize::try_from(medium.size_bytes).unwrap_or(usize::MAX);
        if size > most {
            let message = format!("the network takes at most {most} bytes, and this has {size}");
            return Err(Failure::permanent("media_too_large", &message));
        }
        let answer = self.open(Method::GET, &medium.url).send_for(size).await;
        match answer {
            Ok(answer) if answer.status == StatusCode::OK && answer.body.len() == size => {
                Ok(answer.body)
            }
            Ok(answer) => Err(unreadable(&format!("the store answered {}", answer.status))),
            Err(problem) => Err(unreadable(&problem.to_string())),
        }
    }

    /// The bytes of a medium as a stream, for networks that take large ones; nothing is kept in memory.
    ///
    /// # Errors
    /// A failure when it cannot be read now.
    pub(crate) async fn stream(&self, medium: &MediaToPublish) -> Result<(Body, u64), Failure> {
        let size = u64::try_from(medium.size_bytes).unwrap_or(0);
        let answer = self.open.get(&medium.url).send().await;
        let answer = answer.map_err(|error| unreadable(&chain(&error.without_url())))?;
        if answer.status() != StatusCode::OK || answer.content_length() != Some(size) {
            return Err(unreadable(&format!("the store answered {}", answer.status())));
        }
        Ok((Body::wrap_stream(answer.bytes_stream()), size))
    }
}

fn client() -> reqwest::ClientBuilder {
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for both versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        // Proxies of the environment would see tokens, and go round the guard.
        .no_proxy()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(WITHIN)
        // A request is never sent a second time behind our back.
        .retry(reqwest::retry::never())
}

/// Resolves names that users gave, to addresses that may be connected to: one that may not spoils all of them.
struct Guard {
    policy: Policy,
    resolver: Arc<SystemResolver>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, resolver) = (self.policy.clone(), Arc::clone(&self.resolver));
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            if let Some(forbidden) = addresses.iter().find(|address| !policy.allows(**address)) {
                tracing::info!(host = name.as_str(), address = %forbidden, "a user's server is at a forbidden address");
                return Err("the name leads to an address that may not be called".into());
            }
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

fn unreadable(message: &str) -> Failure {
    Failure::transient("media_unreadable", &format!("the medium cannot be read: {message}"))
}

/// A request.
pub(crate) struct Request(RequestBuilder);

impl Request {
    /// With a token.
    pub(crate) fn bearer(self, token: &SecretString) -> Self {
        Self(self.0.bearer_auth(token.expose_secret()))
    }

    /// With a name and a secret.
    pub(crate) fn basic(self, name: &str, secret: &SecretString) -> Self {
        Self(self.0.basic_auth(name, Some(secret.expose_secret())))
    }

    /// With a header.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// With parameters in its URL.
    pub(crate) fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        Self(self.0.query(query))
    }

    /// With a form.
    pub(crate) fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        Self(self.0.form(form))
    }

    /// With JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        Self(self.0.json(json))
    }

    /// With bytes.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Body>) -> Self {
        Self(self.0.header(http::header::CONTENT_TYPE, content_type).body(body))
    }

    /// With a body whose type a header says.
    pub(crate) fn raw(self, body: Vec<u8>) -> Self {
        Self(self.0.body(body))
    }

    /// With a form of several parts.
    pub(crate) fn multipart(self, form: Form) -> Self {
        Self(self.0.multipart(form))
    }

    /// With another time than usual.
    pub(crate) fn within(self, time: Duration) -> Self {
        Self(self.0.timeout(time))
    }

    /// Sends it and takes the whole answer in, whatever its status.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send(self) -> Result<Answer, Problem> {
        self.send_for(ANSWER_BYTES).await
    }

    async fn send_for(self, most: usize) -> Result<Answer, Problem> {
        let mut answer = self.0.send().await.map_err(no_answer)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > most {
                return Err(Problem::NoAnswer("the answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn no_answer(error: reqwest::Error) -> Problem {
    // Its address may hold a token.
    let error = error.without_url();
    let message = chain(&error);
    // Before a connection stands nothing can have been written to it.
    if error.is_connect() || error.is_builder() {
        Problem::NotSent(message)
    } else {
        Problem::NoAnswer(message)
    }
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    clean(&text)
}

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
        Err(Problem::Refused { status: self.status, retry_after: self.retry_after(now), refusal })
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
    /// Whether it goes away though its status does not say so.
    pub(crate) transient: bool,
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
                    && (status.is_server_error() || *status == StatusCode::REQUEST_TIMEOUT) =>
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
