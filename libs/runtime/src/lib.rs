//! How a process lives, once for every service.
//!
//! - [`process`] runs `main`: configuration, telemetry, signals, exit codes.
//! - [`config`] reads the environment, once.
//! - [`telemetry`] logs, traces, measures.
//! - [`clock`] is the only source of wall-clock time.
//! - [`serve`] listens; [`stack`] is what every call passes through; [`call`] is what is known of the current one.
//! - [`health`] tells the truth about readiness.
//! - [`peer`] is the way to another service, in process or over the network.
//! - [`postgres`] opens a service's database and migrates it.
//! - [`pages`] reads a page over many workspaces without reading them all.
//! - [`sabotage`] breaks mechanisms on purpose, in test builds.

pub mod call;
pub mod clock;
pub mod config;
pub mod health;
pub mod pages;
pub mod peer;
pub mod postgres;
pub mod process;
#[cfg(feature = "sabotage")]
pub mod sabotage;
pub mod serve;
pub mod stack;
pub mod telemetry;

use std::{convert::Infallible, future::Future, sync::Arc};

use http::{Request, Response};
use postbreeze_ids::Minter;
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

/// The tasks of a process, and the signal that ends them.
#[derive(Clone, Default)]
pub struct Background {
    tasks: TaskTracker,
    stopping: CancellationToken,
}

impl Background {
    /// Starts a task. It must end soon after [`Background::stopping`] is cancelled.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Cancelled when the process stops.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Ends every task and waits until they have.
    pub async fn stop(&self) {
        self.stopping.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}
