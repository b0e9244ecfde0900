//! How a process lives, once for every service.
//!
//! - [`process`] runs `main`: configuration, telemetry, signals, exit codes.
//! - [`config`] reads the environment, once.
//! - [`telemetry`] logs, traces, measures.
//! - [`clock`] is the only source of wall-clock time.
//! - [`serve`] listens; [`stack`] is what every call passes through; [`call`] is what is known of the current one.
//! - `route` tells what a request asks for; `intake` takes messages in whole; `mend` mends what tonic answers badly.
//! - [`health`] tells the truth about readiness.
//! - [`peer`] is the way to another service, in process or over the network.
//! - [`postgres`] opens a service's database and migrates it.
//! - [`pages`] reads a page over many workspaces without reading them all.
//! - [`sabotage`] breaks mechanisms on purpose, in test builds.

pub mod call;
pub mod clock;
pub mod config;
pub mod health;
mod intake;
mod mend;
pub mod pages;
pub mod peer;
pub mod postgres;
pub mod process;
mod route;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod serve;
pub mod stack;
pub mod telemetry;
mod until_stop;

use std::{
    any::Any,
    convert::Infallible,
    fmt,
    future::Future,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt as _;
use http::{Request, Response};
use postbreeze_ids::Minter;
use tokio::time::{sleep, timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::body::Body;
use tower::util::BoxCloneSyncService;

use crate::clock::Clock;

/// A gRPC service behind which anything may stand: handlers in this process or another process.
pub type BoxService = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// What a service takes from its process instead of reaching for globals.
#[derive(Clone)]
pub struct Environment {
    /// Wall-clock time.
    pub clock: Clock,
    /// Makes ids, in the order of the clock.
    pub minter: Minter,
    /// Where tasks run that outlive a call.
    pub background: Background,
}

impl Environment {
    /// An environment on a clock.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let ids = clock.clone();
        Self {
            clock,
            minter: Minter::new(Arc::new(move || {
                u64::try_from(ids.now().timestamp_millis()).unwrap_or(0)
            })),
            background: Background::default(),
        }
    }
}

/// The tasks of a process, and the signals that end them. A stop has three moments: the process says that it is not ready
/// ([`Background::stopping`]), takes no new calls ([`Background::draining`]), and has ended its calls
/// ([`Background::ending`]).
#[derive(Clone, Default)]
pub struct Background {
    tasks: TaskTracker,
    stopping: CancellationToken,
    draining: CancellationToken,
    ending: CancellationToken,
    panicked: Arc<AtomicBool>,
}

/// How long what is on its way to others goes on once the process stops.
pub const FINISHES_WITHIN: Duration = Duration::from_secs(15);
/// Timeout of background tasks at a stop: longer than [`FINISHES_WITHIN`], so that they can store the outcomes.
pub const END_WITHIN: Duration = Duration::from_secs(20);

impl Background {
    /// Starts a task. It must end soon after [`Background::ending`] is cancelled; one that takes on work ends with
    /// [`Background::stopping`] already. When it panics the process stops: to go on without it would be to look healthy and
    /// not be.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let (stopping, panicked) = (self.stopping.clone(), Arc::clone(&self.panicked));
        self.tasks.spawn(async move {
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                tracing::error!(cause = %Panic(panic), "a background task panicked: stopping");
                panicked.store(true, Ordering::SeqCst);
                stopping.cancel();
            }
        });
    }

    /// Does something to its end; `None` when that takes longer than [`FINISHES_WITHIN`] from when the process stops.
    pub async fn finish<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let too_long = async {
            self.stopping.cancelled().await;
            sleep(FINISHES_WITHIN).await;
        };
        tokio::select! {
            done = work => Some(done),
            () = too_long => None,
        }
    }

    /// Cancelled when the process is told to stop. It still serves calls: only what takes on work ends now.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Cancelled when the process takes no new connections and calls any more, after its grace.
    #[must_use]
    pub fn draining(&self) -> &CancellationToken {
        &self.draining
    }

    /// Cancelled when the last call has ended. Until then, tasks keep what calls are answered from up to date.
    #[must_use]
    pub fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Whether a task has panicked.
    #[must_use]
    pub fn has_panicked(&self) -> bool {
        self.panicked.load(Ordering::SeqCst)
    }

    /// Ends every task and waits until they have, for [`END_WITHIN`] at most.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.draining.cancel();
        self.ending.cancel();
        self.tasks.close();
        if timeout(END_WITHIN, self.tasks.wait()).await.is_err() {
            tracing::warn!("background tasks did not end in time");
        }
    }
}

/// What a panic says.
struct Panic(Box<dyn Any + Send>);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.downcast_ref::<&str>().copied();
        let text = text.or_else(|| self.0.downcast_ref::<String>().map(String::as_str));
        f.write_str(text.unwrap_or("no text"))
    }
}
