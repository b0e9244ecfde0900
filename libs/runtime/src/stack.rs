//! What every call passes through, in order: its name and trace, size of the metadata, arrival of the message, admission,
//! deadline, panic guard, and on the way back the mending of what tonic answers badly.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use postbreeze_ids::{Bucket, Minter, RequestId};
use postbreeze_proto::status::{self, Fault, Reason};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout_at},
};
use tonic::{Status, body::Body};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};
use tracing::Instrument as _;

use crate::{
    BoxService, Panic,
    call::{self, Call, REQUEST_ID},
    intake::{self, Intake},
    mend::{code_of, mend},
    route::{LONGEST_DEADLINE, Protocol, Route},
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
    /// Deadline at the most, but of the few RPCs that are slow by nature; shorter than
    /// [`crate::serve::Lifetimes::drain`], so that a stopping process ends its calls.
    pub max_deadline: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrency: 512,
            default_deadline: Duration::from_secs(5),
            max_deadline: LONGEST_DEADLINE,
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
    let (intake, metrics) = (Intake::new(), CallMetrics::new());
    let shared = Shared { place, limits, intake, permits, minter, metrics };
    BoxCloneSyncService::new(Stack { inner, shared: Arc::new(shared) })
}

struct Shared {
    place: Place,
    limits: Limits,
    intake: Intake,
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
        let started = Instant::now();
        let request_id = self.request_id(request.headers());
        let route = Route::of(request.uri().path());
        let deadline = started + self.deadline(route, request.headers());
        let span = tracing::info_span!(
            "rpc",
            otel.name = route.label(),
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.path = route.label(),
            request.id = request_id.to_str().unwrap_or_default(),
        );
        telemetry::continue_trace(&span, request.headers());
        let call = carry_trace(Call::new(deadline, request_id.clone()), request.headers());
        request.headers_mut().insert(REQUEST_ID, request_id.clone());

        let running = self.metrics.started(route.label());
        let answered = self.answer(route, inner, request, deadline);
        let response = call.scope(answered.instrument(span)).await;
        let named = (self.place == Place::Edge).then_some(&request_id);
        let mut response = mend(response, named);
        running.finished(code_of(&response));
        response.headers_mut().insert(REQUEST_ID, request_id);
        response
    }

    async fn answer<S>(
        &self,
        route: Route,
        inner: S,
        request: Request<Body>,
        deadline: Instant,
    ) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        match Protocol::of(&request) {
            Protocol::Grpc => {}
            Protocol::OtherGrpc => {
                return Status::unimplemented("only protobuf messages are served").into_http();
            }
            Protocol::Other => return not_grpc(),
        }
        if metadata_bytes(request.headers()) > METADATA_BYTES {
            return refuse(
                Fault::new(Reason::MessageTooLarge, "the metadata is too large")
                    .with("limit", METADATA_BYTES),
            );
        }
        // Also asked about when there is no room for anything else: a busy process is not a dead one.
        if route == Route::Health {
            return guard(inner.oneshot(request).map(|Ok(response)| response)).await;
        }
        let request = match (self.place, route) {
            (Place::Edge, Route::Rpc(_)) => match self.intake.take(request, deadline).await {
                Ok(request) => request,
                Err(status) => return status.into_http(),
            },
            _ => request,
        };
        let Ok(_permit) = self.permits.try_acquire() else {
            self.metrics.shed();
            return refuse(
                Fault::new(Reason::Overloaded, "too many calls at once").retry_after(SHED_RETRY),
            );
        };
        if deadline < Instant::now() + WORTH_STARTING {
            return status::deadline_exceeded().into_http();
        }
        let answer = async {
            let Ok(response) = inner.oneshot(request).await;
            match route {
                Route::Rpc(_) => intake::whole(response).await.unwrap_or_else(Status::into_http),
                _ => response,
            }
        };
        let answer = timeout_at(deadline, guard(answer)).await;
        answer.unwrap_or_else(|_| status::deadline_exceeded().into_http())
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

    fn deadline(&self, route: Route, headers: &HeaderMap) -> Duration {
        let (unnamed, longest) = route.patience();
        let named = headers.get("grpc-timeout").and_then(call::parse_timeout);
        named
            .or(unnamed)
            .unwrap_or(self.limits.default_deadline)
            .min(longest.unwrap_or(self.limits.max_deadline))
    }
}

fn not_grpc() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response
}

/// A panic of a handler is an answer, and the process lives on.
async fn guard(answer: impl Future<Output = Response<Body>>) -> Response<Body> {
    AssertUnwindSafe(answer).catch_unwind().await.unwrap_or_else(|panic| {
        tracing::error!(cause = %Panic(panic), "a handler panicked");
        status::internal().into_http()
    })
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

/// An answer that refuses a call.
#[must_use]
pub fn refuse(fault: Fault) -> Response<Body> {
    Status::from(fault).into_http()
}
