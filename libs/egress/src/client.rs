//! Requests: a streamed GET that follows redirects, and a POST that does not.

use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response,
    header::{
        ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, LOCATION, TE, TRAILER,
        TRANSFER_ENCODING, UPGRADE, USER_AGENT,
    },
};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use postbreeze_runtime::config::{ConfigError, Lookup};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::rustls::RootCertStore;
use tokio_util::task::AbortOnDropHandle;
use url::{Position, Url};

use crate::{
    Download, Error, Invalid, Policy, Resolve, SystemResolver, TrustedRoots,
    connect::{self, Connector, Ports},
    syntax::{check, follow, target},
};

/// Redirects that a GET follows, at the most.
pub const MAX_REDIRECTS: usize = 3;

/// Bytes of an answer's status line and headers at the most, and of trailers.
const HEADER_BYTES: usize = 16 * 1_024;
/// Bytes of a connection's buffer at the most.
const BUFFER_BYTES: usize = 64 * 1_024;

/// What a GET may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the body.
    pub max_bytes: u64,
    /// From the call to the last byte, over all redirects.
    pub total: Duration,
    /// From the request to the whole of the answer's head, and from one part of the body to the next.
    pub idle: Duration,
    /// Each hop's way to a connection: DNS, TCP and TLS together.
    pub connect: Duration,
}

/// What a POST sends and how long it may take.
#[derive(Debug, Clone)]
pub struct Post {
    /// Headers. Those of the connection and of the body's length are the client's own.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// From the call to the end of the answer.
    pub timeout: Duration,
    /// Bytes of the answer's body that are kept.
    pub answer_bytes: usize,
}

/// What a POST was answered, whatever the status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status; a 3xx is not followed.
    pub status: u16,
    /// The beginning of the body as it came, compressed or not; shorter when the rest broke off or did not come in
    /// time: the status has been given by then.
    pub body: Bytes,
}

/// HTTP to URLs that clients name. Cheap to clone.
#[derive(Clone)]
pub struct Egress {
    connector: Connector,
}

impl fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Egress").field(&self.connector.policy).finish()
    }
}

/// An answer and the connection it comes from.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) response: Response<Incoming>,
    _connection: AbortOnDropHandle<()>,
}

impl Egress {
    /// Requests under the policy and with the [`TrustedRoots`] of the settings.
    ///
    /// # Errors
    /// When a setting is bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let policy = Policy::read(lookup)?;
        Ok(Self::new(policy).with_roots(TrustedRoots::read(lookup)?.store()))
    }

    /// Requests under a policy, with the system's resolver and Mozilla's root certificates.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        let roots = TrustedRoots::default().store();
        Self {
            connector: Connector {
                policy: Arc::new(policy),
                ports: Ports::Any,
                resolver: Arc::new(SystemResolver::default()),
                tls: Arc::new(connect::tls(roots)),
            },
        }
    }

    /// The same, to no other port than 80 and 443: what listens elsewhere is seldom meant for everybody. At networks that
    /// the policy names, any port.
    #[must_use]
    pub fn with_web_ports(mut self) -> Self {
        self.connector.ports = Ports::Web;
        self
    }

    /// The same with another resolver.
    #[must_use]
    pub fn with_resolver(mut self, resolver: impl Resolve) -> Self {
        self.connector.resolver = Arc::new(resolver);
        self
    }

    /// The same with other root certificates.
    #[must_use]
    pub fn with_roots(mut self, roots: impl Into<Arc<RootCertStore>>) -> Self {
        self.connector.tls = Arc::new(connect::tls(roots.into()));
        self
    }

    /// [`check`](fn@check), and whether host and port are allowed as far as they tell themselves. No I/O: what a name
    /// resolves to is judged when a request is made.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Forbidden`] and [`Error::ForbiddenPort`].
    pub fn check(&self, url: &str) -> Result<Url, Error> {
        let url = check(url)?;
        self.connector.judge_unresolved(&url)?;
        Ok(url)
    }

    /// Fetches a URL: follows up to [`MAX_REDIRECTS`] redirects, and answers once a head with a 2xx status has come.
    ///
    /// # Errors
    /// Any [`Error`].
    pub async fn get(&self, url: &str, limits: Limits) -> Result<Download, Error> {
        let end = Instant::now() + limits.total;
        let mut url = self.check(url)?;
        for _ in 0..=MAX_REDIRECTS {
            let request = request(Method::GET, &url, HeaderMap::new(), Bytes::new())?;
            let connected = end.min(Instant::now() + limits.connect);
            let exchange = self.exchange(&url, request, connected, limits.idle, end).await?;
            let Some(location) = location(&exchange.response) else {
                return Download::begin(url, exchange, limits.max_bytes, limits.idle, end);
            };
            url = follow(&url, location)?;
        }
        Err(Error::TooManyRedirects)
    }

    /// Sends a body to a URL.
    ///
    /// # Errors
    /// Any [`Error`] but those of redirects, [`Error::Status`], [`Error::TooLarge`] and [`Error::Encoding`].
    pub async fn post(&self, url: &str, post: Post) -> Result<Answer, Error> {
        let end = Instant::now() + post.timeout;
        let url = self.check(url)?;
        let request = request(Method::POST, &url, post.headers, post.body)?;
        let mut exchange = self.exchange(&url, request, end, post.timeout, end).await?;
        let status = exchange.response.status().as_u16();
        let body = prefix(exchange.response.body_mut(), post.answer_bytes, end).await;
        Ok(Answer { status, body })
    }

    /// One request on a connection of its own.
    async fn exchange(
        &self,
        url: &Url,
        request: Request<Full<Bytes>>,
        connected: Instant,
        head: Duration,
        end: Instant,
    ) -> Result<Exchange, Error> {
        let broken = |error: hyper::Error| {
            tracing::debug!(host = url.host_str(), %error, "no answer from a client's URL");
            Error::Broken
        };
        let stream = self.connector.connect(url, connected).await?;
        let (mut sender, connection) = http1::Builder::new()
            .max_header_size(HEADER_BYTES)
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // Its error reaches whoever reads the answer.
        let connection = AbortOnDropHandle::new(tokio::spawn(async { drop(connection.await) }));
        let until = end.min(Instant::now() + head);
        let response = timeout_at(until, sender.send_request(request)).await;
        let response = response.map_err(|_| Error::TimedOut)?.map_err(broken)?;
        Ok(Exchange { response, _connection: connection })
    }
}

/// A request with the headers that are the client's own.
fn request(
    method: Method,
    url: &Url,
    mut headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, Error> {
    let host = HeaderValue::from_str(&url[Position::BeforeHost..Position::AfterPort]);
    for own in [CONTENT_LENGTH, EXPECT, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(own);
    }
    headers.insert(HOST, host.map_err(|_| Invalid::Host)?);
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers.entry(USER_AGENT).or_insert(HeaderValue::from_static("Postbreeze"));
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method;
    *request.uri_mut() = target(url)?.into();
    *request.headers_mut() = headers;
    Ok(request)
}

/// Where an answer redirects to, if it does.
fn location(response: &Response<Incoming>) -> Option<&[u8]> {
    let moved = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get(LOCATION).filter(|_| moved).map(HeaderValue::as_bytes)
}

/// The beginning of a body, as much of it as comes until then.
async fn prefix(body: &mut Incoming, most: usize, end: Instant) -> Bytes {
    let mut kept = Vec::new();
    while kept.len() < most && Instant::now() < end {
        let Ok(Some(Ok(frame))) = timeout_at(end, body.frame()).await else { break };
        if let Ok(data) = frame.into_data() {
            kept.extend_from_slice(&data[..data.len().min(most - kept.len())]);
        }
    }
    kept.into()
}
