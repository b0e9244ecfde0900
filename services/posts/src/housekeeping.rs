//! Work beside the calls: following the log of deleted workspaces, sweeping idempotency records and what webhooks need no
//! longer.

use std::time::Duration;

use postbreeze_context::{
    token::Issuer,
    workspace_log::{self, Follower},
};
use postbreeze_ids::WorkspaceId;
use postbreeze_runtime::{Environment, clock::Clock, peer::Peer};
use tokio::time::sleep;
use tonic::async_trait;

use crate::{error::Error, store::Store};

const SWEEP_EVERY: Duration = Duration::from_mins(10);

/// Starts the tasks; they end with the process.
pub(crate) fn start(environment: &Environment, store: &Store, issuer: Issuer, workspaces: Peer) {
    let stopping = environment.background.stopping().clone();
    let (clock, sweeper) = (environment.clock.clone(), store.clone());
    environment.background.spawn(async move {
        while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
            let now = clock.now();
            if let Err(error) = postbreeze_idempotency::sweep(sweeper.pool(), now).await {
                tracing::warn!(%error, "idempotency records cannot be swept");
            }
            if let Err(error) = sweeper.sweep_sources(now).await {
                tracing::warn!(%error, "targets whose comments are not fetched any more cannot be swept");
            }
            if let Err(error) = sweeper.sweep_webhooks(now).await {
                tracing::warn!(%error, "old events and deliveries cannot be swept");
            }
        }
    });
    let deletions = Deletions { store: store.clone(), clock: environment.clock.clone() };
    workspace_log::follow(environment, issuer, workspaces, deletions);
}

struct Deletions {
    store: Store,
    clock: Clock,
}

#[async_trait]
impl Follower for Deletions {
    type Error = Error;

    async fn position(&self) -> Result<i64, Error> {
        Ok(self.store.workspace_log_position().await?)
    }

    async fn deleted(&self, workspace_id: WorkspaceId, position: i64) -> Result<(), Error> {
        self.store.release_workspace(workspace_id, position, self.clock.now()).await
    }

    async fn skipped(&self, position: i64) -> Result<(), Error> {
        Ok(self.store.skip_entry(position).await?)
    }
}
