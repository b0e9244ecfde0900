//! Listens. HTTP/2 in plain text, with every limit set by name: a client can neither hold a connection without using
//! it nor make one that outlives its welcome.

use std::{convert::Infallible, net::SocketAddr, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use hyper::server::conn::http2;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use rand::RngExt as _;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use crate::{
    BoxService, Environment,
    config::{ConfigError, Lookup},
    health::Health,
    route,
    stack::{Limits, Place, stack},
    until_stop::UntilStop,
};

const CONNECTIONS: usize = 10_000;
/// What every HTTP/2 connection begins with, and how long a client may take to send it.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const PREFACE_WITHIN: Duration = Duration::from_secs(5);
const PREFACE_AGAIN: Duration = Duration::from_millis(20);
const STREAMS_PER_CONNECTION: u32 = 128;
/// Far above [`crate::stack::METADATA_BYTES`], so that too much metadata gets an answer of ours.
const HEADER_LIST_BYTES: u32 = 1_024 * 1_024;
const RESETS_PENDING: usize = 20;
const RESETS_BY_ERROR: usize = 128;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_ANSWER: Duration = Duration::from_secs(10);
/// Age at which a connection is asked to end, so that clients spread over new replicas. Jittered by [`AGE_JITTER`].
const AGE: Duration = Duration::from_mins(10);
/// Connections that were opened together do not end together: each age differs from [`AGE`] by up to a tenth.
const AGE_JITTER: f64 = 0.1;
/// Above the deadline of a call: for its answer to leave.
const MARGIN: Duration = Duration::from_secs(5);
/// How long the transfers of a stopping byte server may go on, a fixed bound: each has a limit of its own besides.
pub const DRAIN: Duration = Duration::from_secs(25);

/// When connections end.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Age at which a connection is asked to end (GOAWAY), more or less a tenth. Calls in flight go on.
    pub age: Duration,
    /// How long calls may go on after that: longer than any deadline that is served, so that age never cuts a call.
    pub longest_call: Duration,
    /// How long calls in flight may go on once the process drains. Then they are cut.
    pub drain: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        let longest_call = route::longest_call(None) + MARGIN;
        Self { age: AGE, longest_call, drain: longest_call }
    }
}

/// How long a program of this name drains unless told otherwise: as long as the longest call that it serves may take.
pub(crate) fn default_drain(program: &str) -> Duration {
    route::longest_call(Some(program)) + MARGIN
}

/// Where a service listens and how much it takes on.
#[derive(Debug, Clone)]
pub struct ServeConfig {
    /// The address.
    pub listen: SocketAddr,
    /// The bounds.
    pub limits: Limits,
}

impl ServeConfig {
    /// Reads the settings; `listen` is the default address.
    ///
    /// # Errors
    /// When a setting is bad.
    pub fn read(lookup: &Lookup, listen: &str) -> Result<Self, ConfigError> {
        const LISTEN: &str = "POSTBREEZE_LISTEN";
        const CONCURRENCY: &str = "POSTBREEZE_CONCURRENCY";
        let defaults = Limits::default();
        let listen = lookup.text(LISTEN).unwrap_or_else(|| listen.to_owned());
        let concurrency = lookup.parsed(CONCURRENCY, defaults.concurrency)?;
        if !(1..=100_000).contains(&concurrency) {
            return Err(ConfigError::new(CONCURRENCY, "must be 1 to 100000"));
        }
        Ok(Self {
            listen: listen.parse().map_err(|error| ConfigError::new(LISTEN, error))?,
            limits: Limits {
                concurrency,
                default_deadline: lookup.milliseconds(
                    "POSTBREEZE_DEFAULT_DEADLINE_MS",
                    defaults.default_deadline,
                    10..=60_000,
                )?,
                ..defaults
            },
        })
    }
}

/// A service with its health, behind the stack.
#[must_use]
pub fn compose(
    service: BoxService,
    meta: Option<Routes>,
    health: Health,
    place: Place,
    limits: Limits,
    environment: &Environment,
) -> BoxService {
    let (reporter, health_service) = tonic_health::server::health_reporter();
    let meta = match meta {
        Some(routes) => routes.add_service(health_service),
        None => Routes::new(health_service),
    };
    health.watch(reporter, &environment.background);
    let stopping = environment.background.stopping().clone();
    let split = Split { service, meta: meta.prepare(), stopping };
    stack(split, place, limits, environment.minter.clone())
}

/// `grpc.*` services (health, reflection) beside the service itself: they need no context.
#[derive(Clone)]
struct Split {
    service: BoxService,
    meta: Routes,
    stopping: CancellationToken,
}

impl Service<Request<Body>> for Split {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(
        &mut self,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Infallible>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if request.uri().path().starts_with("/grpc.") {
            let (meta, stopping) = (self.meta.clone(), self.stopping.clone());
            Box::pin(async move {
                let Ok(response) = meta.oneshot(request).await;
                // A client that watches health would otherwise hold up the drain until its end.
                Ok(response.map(|body| Body::new(UntilStop::new(body, stopping))))
            })
        } else {
            Box::pin(self.service.clone().oneshot(request))
        }
    }
}

/// Serves connections until `draining`, then lets the calls in flight end, for as long as [`Lifetimes::drain`].
pub async fn serve(
    listener: TcpListener,
    service: BoxService,
    lifetimes: Lifetimes,
    draining: CancellationToken,
) {
    let connections = TaskTracker::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = draining.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, client)) => {
                let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
                    tracing::warn!(%client, "too many connections");
                    continue;
                };
                let (service, draining) = (service.clone(), draining.clone());
                connections.spawn(async move {
                    serve_connection(stream, client, service, lifetimes, draining).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of file descriptors, mostly: accepting again at once would spin.
                tracing::warn!(%error, "cannot accept a connection");
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listener);
    connections.close();
    // Each ends by itself: a connection whose calls take too long is cut.
    connections.wait().await;
}

/// Whether a client speaks HTTP/2 from its first bytes on.
async fn begins_well(stream: &TcpStream) -> bool {
    let mut first = [0; PREFACE.len()];
    loop {
        match stream.peek(&mut first).await {
            Ok(read) if read > 0 && PREFACE.starts_with(&first[..read]) => {
                if read == PREFACE.len() {
                    return true;
                }
                // What is there can be read again and again: waiting for more takes a clock.
                sleep(PREFACE_AGAIN).await;
            }
            _ => return false,
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    client: SocketAddr,
    service: BoxService,
    lifetimes: Lifetimes,
    draining: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%client, %error, "cannot set TCP_NODELAY");
    }
    if !matches!(timeout(PREFACE_WITHIN, begins_well(&stream)).await, Ok(true)) {
        return;
    }
    let service =
        service.map_request(|request: Request<hyper::body::Incoming>| request.map(Body::new));
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .max_header_list_size(HEADER_LIST_BYTES)
        .max_pending_accept_reset_streams(RESETS_PENDING)
        .max_local_error_reset_streams(RESETS_BY_ERROR)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_ANSWER)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    tokio::pin!(connection);
    let jitter = rand::rng().random_range(1.0 - AGE_JITTER..1.0 + AGE_JITTER);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = draining.cancelled() => None,
        () = sleep(lifetimes.age.mul_f64(jitter)) => None,
    };
    let ended = if let Some(ended) = ended {
        ended
    } else {
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            ended = connection => ended,
            () = cut(lifetimes, &draining) => {
                if draining.is_cancelled() {
                    tracing::warn!(%client, "calls were cut: they were still in flight when the drain time ran out");
                }
                Ok(())
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%client, %error, "a connection ended badly");
    }
}

/// Waits until a connection that was asked to end has had its time. The cap of a drain is the process's: a connection that
/// ends because of its age waits until every call has reached its own deadline.
async fn cut(lifetimes: Lifetimes, draining: &CancellationToken) {
    if timeout(lifetimes.longest_call, draining.cancelled()).await.is_ok() {
        sleep(lifetimes.drain).await;
    }
}
