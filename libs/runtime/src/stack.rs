//! What every call passes through, in order: size of the metadata, admission, deadline, trace, panic guard, and on
//! the way back the mending of what tonic answers badly.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use postbreeze_ids::{Bucket, Minter, RequestId};
use postbreeze_proto::{
    RPC_PATHS,
    status::{self, Fault, Reason},
};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};
use tracing::Instrument as _;

use crate::{
    BoxService,
    call::{self, Call, REQUEST_ID},
    telemetry::{self, CallMetrics},
};

/// Metadata of a request at the most, names and values in bytes.
pub const METADATA_BYTES: usize = 8 * 1_024;
/// A call with less time than this is not begun.
const WORTH_STARTING: Duration = Duration::from_millis(2);
/// When a shed caller may try again.
const SHED_RETRY: Duration = Duration::from_millis(200);

/// Bounds of a service.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Calls served at once; one more is answered `OVERLOADED`.
    pub concurrency: usize,
    /// Deadline of a call that names none.
    pub default_deadline: Duration,
    /// Deadline at the most.
    pub max_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 512,
            default_deadline: Duration::from_secs(5),
            max_deadline: Duration::from_secs(30),
        }
    }
}

/// Where a stack stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Faces clients: names each call itself and repeats the name in error details.
    Edge,
    /// Behind the aggregator: keeps the name that the caller gave.
    Inside,
}

/// Puts a service behind the stack.
pub fn stack<S>(inner: S, place: Place, limits: Limits, minter: Minter) -> BoxService
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send + 'static,
{
    let permits = Semaphore::new(limits.concurrency);
    let shared = Shared { place, limits, permits, minter, metrics: CallMetrics::new() };
    BoxCloneSyncService::new(Stack { inner, shared: Arc::new(shared) })
}

struct Shared {
    place: Place,
    limits: Limits,
    permits: Semaphore,
    minter: Minter,
    metrics: CallMetrics,
}

struct Stack<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S: Clone> Clone for Stack<S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), shared: Arc::clone(&self.shared) }
    }
}

impl<S> Service<Request<Body>> for Stack<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (inner, shared) = (self.inner.clone(), Arc::clone(&self.shared));
        Box::pin(async move { Ok(shared.serve(inner, request).await) })
    }
}

impl Shared {
    async fn serve<S>(&self, inner: S, mut request: Request<Body>) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        if !is_grpc(&request) {
            return not_grpc();
        }
        let started = Instant::now();
        let request_id = self.request_id(request.headers());
        let deadline = started + self.deadline(request.headers());
        // Only known paths become names and labels: a client cannot invent more.
        let path = RPC_PATHS.get(request.uri().path()).map_or("unknown", String::as_str);
        let span = tracing::info_span!(
            "rpc",
            otel.name = path,
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.path = path,
            request.id = request_id.to_str().unwrap_or_default(),
        );
        telemetry::continue_trace(&span, request.headers());
        let call = carry_trace(Call::new(deadline, request_id.clone()), request.headers());
        request.headers_mut().insert(REQUEST_ID, request_id.clone());

        self.metrics.started();
        let response = call.scope(self.admit(inner, request, deadline).instrument(span)).await;
        let mut response = self.mend(response, &request_id);
        self.metrics.finished(path, code_of(&response), started.elapsed());
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    }

    async fn admit<S>(&self, inner: S, request: Request<Body>, deadline: Instant) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        if metadata_bytes(request.headers()) > METADATA_BYTES {
            return refuse(
                Fault::new(Reason::MessageTooLarge, "the metadata is too large")
                    .with("limit", METADATA_BYTES),
            );
        }
        let Ok(_permit) = self.permits.try_acquire() else {
            self.metrics.shed();
            return refuse(
                Fault::new(Reason::Overloaded, "too many calls at once").retry_after(SHED_RETRY),
            );
        };
        if deadline < Instant::now() + WORTH_STARTING {
            return status::deadline_exceeded().into_http();
        }
        let answer = AssertUnwindSafe(inner.oneshot(request)).catch_unwind();
        match timeout_at(deadline, answer).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Err(panic)) => {
                let cause = panic_text(panic.as_ref());
                tracing::error!(cause, "a handler panicked");
                status::internal().into_http()
            }
            Err(_) => status::deadline_exceeded().into_http(),
        }
    }

    fn request_id(&self, headers: &HeaderMap) -> HeaderValue {
        let given = headers.get(REQUEST_ID).filter(|value| {
            self.place == Place::Inside
                && value.to_str().is_ok_and(|text| text.parse::<RequestId>().is_ok())
        });
        given.cloned().unwrap_or_else(|| {
            let id: RequestId = self.minter.mint(Bucket::random(&mut rand::rng()));
            HeaderValue::try_from(id.to_string()).expect("ids are header values")
        })
    }

    fn deadline(&self, headers: &HeaderMap) -> Duration {
        headers
            .get("grpc-timeout")
            .and_then(call::parse_timeout)
            .unwrap_or(self.limits.default_deadline)
            .min(self.limits.max_deadline)
    }

    /// Mends what tonic answers by itself: INTERNAL for a message that cannot be decoded, OUT_OF_RANGE for one that is
    /// too large, CANCELLED for a timeout of its own.
    fn mend(&self, response: Response<Body>, request_id: &HeaderValue) -> Response<Body> {
        if code_of(&response) == Code::Ok {
            return response;
        }
        let Some(status) = status_of(&response) else { return response };
        let status = match status.code() {
            Code::Internal if !status::is_own_internal(&status) => {
                Fault::new(Reason::MessageInvalid, "the message cannot be decoded").into()
            }
            Code::OutOfRange => {
                Fault::new(Reason::MessageTooLarge, "the message is too large").into()
            }
            Code::Cancelled => status::deadline_exceeded(),
            Code::Unknown => {
                tracing::error!(cause = status.message(), "an answer without a code");
                status::internal()
            }
            _ if self.place == Place::Inside => return response,
            _ => status,
        };
        match self.place {
            Place::Inside => status.into_http(),
            Place::Edge => with_request_info(&status, request_id).into_http(),
        }
    }
}

fn is_grpc(request: &Request<Body>) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    request.method() == Method::POST
        && content_type.is_some_and(|value| {
            let value = value.as_bytes();
            value == b"application/grpc" || value.starts_with(b"application/grpc+proto")
        })
}

fn not_grpc() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// Without tracing of our own, the caller's trace still reaches the next hop.
fn carry_trace(call: Call, headers: &HeaderMap) -> Call {
    ["traceparent", "tracestate"].into_iter().fold(call, |call, name| match headers.get(name) {
        Some(value) => call.carrying(HeaderName::from_static(name), value.clone()),
        None => call,
    })
}

fn metadata_bytes(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

/// The code of an answer that has ended before its body; OK when the body is still to come.
fn code_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get(Status::GRPC_STATUS)
        .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

fn status_of(response: &Response<Body>) -> Option<Status> {
    match response.extensions().get::<Status>() {
        Some(status) => Some(status.clone()),
        None => Status::from_header_map(response.headers()),
    }
}

fn with_request_info(status: &Status, request_id: &HeaderValue) -> Status {
    let mut details = status.get_error_details();
    details.set_request_info(request_id.to_str().unwrap_or_default(), "");
    let mut whole = Status::with_error_details(status.code(), status.message(), details);
    *whole.metadata_mut() = status.metadata().clone();
    whole
}

/// An answer that refuses a call.
#[must_use]
pub fn refuse(fault: Fault) -> Response<Body> {
    Status::from(fault).into_http()
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}
