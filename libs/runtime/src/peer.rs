//! The way to another service, in this process or over the network. A peer passes on the deadline, the request id,
//! the trace and the context token of the current call, and answers UNAVAILABLE, whole, when the other side is gone.

use std::{
    convert::Infallible,
    error::Error,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Limited};
use postbreeze_proto::status::{self, Fault, Reason};
use tokio::time::timeout_at;
use tonic::{
    body::Body,
    transport::{Channel, Endpoint},
};
use tower::{Service, ServiceExt as _};

use crate::{
    BoxService,
    call::{self, Call, REQUEST_ID},
    config::{ConfigError, Lookup},
    stack::refuse,
    telemetry,
};

/// Connections to each peer: one HTTP/2 connection is one lock.
const CONNECTIONS: usize = 4;
/// A peer that was cut off is noticed after twice this, whether it is called or not.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// Headers of an answer at the most, error details among them.
const HEADER_LIST_BYTES: u32 = 64 * 1_024;
/// What a hop costs: the callee gives up this much earlier, so that its answer still arrives.
const HOP: Duration = Duration::from_millis(5);
/// The whole of an answer at the most, in bytes.
const ANSWER_BYTES: usize = 16 * 1_024 * 1_024;

/// On an answer that refuses the caller's own word for who it is, rather than the client behind it: keys or clocks of
/// the services disagree, and no client can do anything about that.
pub const CALLER_REFUSED: HeaderName = HeaderName::from_static("x-postbreeze-caller-refused");

/// On an answer that was made up here because the peer cannot have seen the request: it may be sent again.
pub const NOT_SENT: HeaderName = HeaderName::from_static("x-postbreeze-not-sent");

/// A service that can be called. Cheap to clone.
#[derive(Clone)]
pub struct Peer {
    name: &'static str,
    way: Way,
}

#[derive(Clone)]
enum Way {
    InProcess(BoxService),
    Late(Arc<OnceLock<BoxService>>),
    Network(Arc<Network>),
}

/// Fills in a peer that was made before its service.
pub struct LatePeer(Arc<OnceLock<BoxService>>);

impl LatePeer {
    /// The service is there. Until then the peer is unreachable.
    pub fn arrive(self, service: BoxService) {
        // The slot is filled once: this value is consumed.
        drop(self.0.set(service));
    }
}

struct Network {
    channels: Vec<Channel>,
    next: AtomicUsize,
}

impl Peer {
    /// A service of this process.
    #[must_use]
    pub fn in_process(name: &'static str, service: BoxService) -> Self {
        Self { name, way: Way::InProcess(service) }
    }

    /// A service of this process that is made later: services that ask each other are made one after the other.
    #[must_use]
    pub fn late(name: &'static str) -> (Self, LatePeer) {
        let slot = Arc::new(OnceLock::new());
        (Self { name, way: Way::Late(Arc::clone(&slot)) }, LatePeer(slot))
    }

    /// A service at the address that `POSTBREEZE_<NAME>_URL` holds.
    ///
    /// # Errors
    /// When it is missing or no address.
    pub fn read(lookup: &Lookup, name: &'static str) -> Result<Self, ConfigError> {
        let variable = format!("POSTBREEZE_{}_URL", name.to_uppercase());
        Self::at(name, &variable, &lookup.required(&variable)?)
    }

    /// A service at an address (`http://posts:50051`). Connects when first called, and again whenever needed.
    ///
    /// # Errors
    /// When the address is none; `variable` is where it was configured.
    pub fn at(name: &'static str, variable: &str, address: &str) -> Result<Self, ConfigError> {
        let endpoint = Endpoint::from_shared(address.to_owned())
            .map_err(|error| ConfigError::new(variable, error))?
            .connect_timeout(Duration::from_secs(1))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE)
            .keep_alive_while_idle(true)
            .http2_max_header_list_size(HEADER_LIST_BYTES);
        let channels = (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect();
        Ok(Self {
            name,
            way: Way::Network(Arc::new(Network { channels, next: AtomicUsize::new(0) })),
        })
    }

    /// The service's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    async fn send(self, mut request: Request<Body>) -> Response<Body> {
        let call = Call::current();
        if let Some(call) = &call {
            let headers = request.headers_mut();
            for (name, value) in call.carried() {
                if !headers.contains_key(name) {
                    headers.insert(name, value.clone());
                }
            }
            headers.insert(REQUEST_ID, call.request_id.clone());
            headers
                .insert("grpc-timeout", call::format_timeout(call.remaining().saturating_sub(HOP)));
        }
        telemetry::inject_trace(request.headers_mut());
        let name = self.name;
        let answer = self.exchange(request);
        let response = match call {
            None => answer.await,
            Some(call) => {
                let answer = timeout_at(call.deadline, answer).await;
                answer.unwrap_or_else(|_| too_late(name))
            }
        };
        if response.headers().contains_key(CALLER_REFUSED) {
            tracing::error!(peer = name, "a peer does not believe who this service says it is");
            return not_sent(unreachable_peer(name));
        }
        response
    }

    async fn exchange(self, request: Request<Body>) -> Response<Body> {
        match self.way {
            Way::InProcess(service) => {
                let Ok(response) = service.oneshot(request).await;
                response
            }
            Way::Late(slot) => match slot.get().cloned() {
                Some(service) => {
                    let Ok(response) = service.oneshot(request).await;
                    response
                }
                None => not_sent(unreachable_peer(self.name)),
            },
            Way::Network(network) => match network.exchange(request).await {
                Ok(response) => response,
                Err(cause) if is_timeout(cause.as_ref()) => too_late(self.name),
                Err(cause) => {
                    let answer = unreachable_peer(self.name);
                    let answer = if is_refusal(cause.as_ref()) { not_sent(answer) } else { answer };
                    tracing::warn!(peer = self.name, cause, "a peer cannot be reached");
                    answer
                }
            },
        }
    }
}

fn too_late(name: &'static str) -> Response<Body> {
    tracing::warn!(peer = name, "a peer did not answer in time");
    status::deadline_exceeded().into_http()
}

/// Whether the channel gave up because of the `grpc-timeout` of the call.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    error.is::<tonic::TimeoutExpired>() || error.source().is_some_and(is_timeout)
}

/// Whether there was nobody to take a connection.
fn is_refusal(error: &(dyn Error + 'static)) -> bool {
    let refused = error.downcast_ref::<io::Error>();
    refused.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        || error.source().is_some_and(is_refusal)
}

fn not_sent(mut answer: Response<Body>) -> Response<Body> {
    answer.headers_mut().insert(NOT_SENT, HeaderValue::from_static("true"));
    answer
}

fn unreachable_peer(name: &'static str) -> Response<Body> {
    refuse(
        Fault::new(Reason::SourceUnreachable, format!("{name} cannot be reached"))
            .with("source", name)
            .retry_after(Duration::from_millis(500)),
    )
}

impl Network {
    async fn exchange(
        &self,
        request: Request<Body>,
    ) -> Result<Response<Body>, tonic::codegen::StdError> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let response = self.channels[turn].clone().oneshot(request).await?;
        // The answer is taken whole: a peer that dies midway is unreachable, not a reset stream.
        let (parts, body) = response.into_parts();
        if parts.headers.contains_key(tonic::Status::GRPC_STATUS) {
            return Ok(Response::from_parts(parts, Body::empty()));
        }
        let whole = Limited::new(body, ANSWER_BYTES).collect().await?;
        if whole.trailers().is_none() {
            return Err("the answer ended without a status".into());
        }
        Ok(Response::from_parts(parts, Body::new(whole.map_err(|never| match never {}))))
    }
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = self.clone();
        Box::pin(async move { Ok(peer.send(request).await) })
    }
}
