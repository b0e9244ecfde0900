//! Readiness that tells the truth: each check is asked about once a second, and the answer is what
//! `grpc.health.v1.Health` says of the whole (`""`) and of every service served here.

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use tonic_health::{
    ServingStatus,
    pb::{HealthCheckRequest, health_check_response, health_client::HealthClient},
    server::HealthReporter,
};

use crate::{Background, peer::Peer};

const EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(2);

type Check = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What must hold for a service to be ready.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
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
    pub fn when<F>(
        mut self,
        what: &'static str,
        check: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = bool> + Send + 'static,
    {
        self.checks.push((what, Arc::new(move || Box::pin(check()))));
        self
    }

    /// Ready only while a peer is.
    #[must_use]
    pub fn when_peer(self, peer: Peer) -> Self {
        let name = peer.name();
        self.when(name, move || {
            let mut client = HealthClient::new(peer.clone());
            async move {
                let answer = client.check(HealthCheckRequest::default()).await;
                answer.is_ok_and(|answer| {
                    answer.into_inner().status() == health_check_response::ServingStatus::Serving
                })
            }
        })
    }

    /// Asks the checks until the process stops, and reports.
    pub(crate) fn watch(self, reporter: HealthReporter, background: &Background) {
        let stopping = background.stopping().clone();
        background.spawn(async move {
            let mut ready = None;
            loop {
                let failing = self.failing().await;
                let now_ready = failing.is_none();
                if ready != Some(now_ready) {
                    match failing {
                        None => tracing::info!("ready"),
                        Some(what) => tracing::warn!(what, "not ready"),
                    }
                    self.report(&reporter, now_ready).await;
                    ready = Some(now_ready);
                }
                tokio::select! {
                    () = stopping.cancelled() => break,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
            self.report(&reporter, false).await;
        });
    }

    async fn failing(&self) -> Option<&'static str> {
        for (what, check) in &self.checks {
            if !tokio::time::timeout(PATIENCE, check()).await.unwrap_or(false) {
                return Some(what);
            }
        }
        None
    }

    async fn report(&self, reporter: &HealthReporter, ready: bool) {
        let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in std::iter::once(&"").chain(&self.names) {
            reporter.set_service_status(*name, status).await;
        }
    }
}
