//! Readiness that tells the truth: each check is asked about twice a second, and the answers are what
//! `grpc.health.v1.Health` says of the whole (`""`) and of every service served here. Until the first answer nothing is
//! ready. Under [`LIVE`] it says that the process serves at all, whatever else is down.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response, health_client::HealthClient},
    server::HealthReporter,
};

use crate::{Background, peer::Peer, postgres::Database};

const EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);
/// The name that is SERVING for as long as the process serves: for liveness probes, which must not end a process for
/// what another one lacks.
pub const LIVE: &str = "live";

/// Whether something holds, or why not; an empty cause when that is not known.
type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// A check that does not hold, and why.
type Failing<'a> = (&'a Check, String);

/// Something that must hold.
#[derive(Clone)]
struct Check {
    what: &'static str,
    /// The services that need it; none: all of them, and the whole.
    needed_by: Option<&'static [&'static str]>,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

/// What must hold for a service to be ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<Check>,
    names: Vec<&'static str>,
}

impl Health {
    /// Ready as long as the process is not stopping; reports under these gRPC service names too.
    #[must_use]
    pub fn of(names: &[&'static str]) -> Self {
        Self { checks: Vec::new(), names: names.to_vec() }
    }

    /// Ready only while a check answers true.
    #[must_use]
    pub fn when<F>(self, what: &'static str, check: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.with(what, None, Arc::new(move || holds(check())))
    }

    /// These services are ready only while a check answers true; the whole does not depend on it.
    #[must_use]
    pub fn when_for<F>(
        self,
        services: &'static [&'static str],
        what: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.with(what, Some(services), Arc::new(move || holds(check())))
    }

    /// Ready only while a database is.
    #[must_use]
    pub fn when_database(self, database: Database) -> Self {
        let ask = move || -> Answer {
            let database = database.clone();
            Box::pin(async move { database.readiness().await.map_err(|cause| cause.to_string()) })
        };
        self.with("database", None, Arc::new(ask))
    }

    /// Ready only while a peer is.
    #[must_use]
    pub fn when_peer(self, peer: Peer) -> Self {
        self.with(peer.name(), None, ask(peer))
    }

    /// These services are ready only while a peer is; the whole does not depend on it.
    #[must_use]
    pub fn when_peer_for(self, services: &'static [&'static str], peer: Peer) -> Self {
        self.with(peer.name(), Some(services), ask(peer))
    }

    fn with(
        mut self,
        what: &'static str,
        needed_by: Option<&'static [&'static str]>,
        ask: Arc<dyn Fn() -> Answer + Send + Sync>,
    ) -> Self {
        self.checks.push(Check { what, needed_by, ask });
        self
    }

    /// Asks the checks until the process stops, and reports.
    pub(crate) fn watch(self, reporter: HealthReporter, background: &Background) {
        // Nobody else holds the reporter yet, so this is done at once.
        self.report(&reporter, |_| false).now_or_never();
        reporter.set_service_status(LIVE, ServingStatus::Serving).now_or_never();
        let stopping = background.stopping().clone();
        background.spawn(async move {
            let mut known: Option<Vec<String>> = None;
            while let Some(failing) = stopping.run_until_cancelled(self.failing()).await {
                let lacking: Vec<String> = failing.iter().map(told).collect();
                if known.as_ref() != Some(&lacking) {
                    self.report(&reporter, |name| !concerned(&failing, name)).await;
                    self.tell(&lacking);
                    known = Some(lacking);
                }
                if stopping.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
                    break;
                }
            }
            self.report(&reporter, |_| false).await;
        });
    }

    fn tell(&self, lacking: &[String]) {
        let services = self.names.join(", ");
        if lacking.is_empty() {
            tracing::info!(services, "ready");
        } else {
            tracing::warn!(services, lacking = lacking.join("; "), "not ready");
        }
    }

    /// The checks that do not hold, all asked at once.
    async fn failing(&self) -> Vec<Failing<'_>> {
        let answers = join_all(self.checks.iter().map(|check| async move {
            let answer = tokio::time::timeout(PATIENCE, (check.ask)()).await;
            let answer = answer.unwrap_or_else(|_| Err("no answer in time".to_owned()));
            answer.err().map(|cause| (check, cause))
        }));
        answers.await.into_iter().flatten().collect()
    }

    async fn report(&self, reporter: &HealthReporter, is_ready: impl Fn(&str) -> bool) {
        for name in std::iter::once(&"").chain(&self.names) {
            let status =
                if is_ready(name) { ServingStatus::Serving } else { ServingStatus::NotServing };
            reporter.set_service_status(*name, status).await;
        }
    }
}

/// Whether one of these checks is needed by a service, or, under the empty name, by the whole.
fn concerned(failing: &[Failing<'_>], name: &str) -> bool {
    let is_needed = |check: &Check| check.needed_by.is_none_or(|names| names.contains(&name));
    failing.iter().any(|(check, _)| is_needed(check))
}

/// Names each lacking dependency and the cause, as the log shows them: `database: read-only`.
fn told((check, cause): &Failing<'_>) -> String {
    if cause.is_empty() { check.what.to_owned() } else { format!("{}: {cause}", check.what) }
}

fn holds(check: impl Future<Output = bool> + Send + 'static) -> Answer {
    Box::pin(async move { if check.await { Ok(()) } else { Err(String::new()) } })
}

fn ask(peer: Peer) -> Arc<dyn Fn() -> Answer + Send + Sync> {
    Arc::new(move || {
        let peer = peer.clone();
        holds(async move { is_serving(&peer).await })
    })
}

/// Whether a peer says that it is ready. Waits for its answer: whoever asks has a deadline, or sets one.
pub async fn is_serving(peer: &Peer) -> bool {
    let answer = HealthClient::new(peer.clone()).check(HealthCheckRequest::default()).await;
    answer.is_ok_and(|answer| {
        answer.into_inner().status() == health_check_response::ServingStatus::Serving
    })
}
