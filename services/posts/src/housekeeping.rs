//! Work beside the calls: following the log of deleted workspaces, sweeping idempotency records.

use std::time::Duration;

use postbreeze_context::token::Issuer;
use postbreeze_proto::internal::v1::{
    ReadWorkspaceLogRequest, WorkspaceLogEntry, workspace_log_entry::Event,
    workspace_log_service_client::WorkspaceLogServiceClient,
};
use postbreeze_runtime::{Environment, clock::Clock, peer::Peer};
use tokio::time::sleep;

use crate::{error::Error, store::Store};

const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// Between two readings of the log, and after one that failed.
const FOLLOW_EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);
const AUDIENCE: &[&str] = &["workspaces"];

/// Starts the tasks; they end with the process.
pub(crate) fn start(environment: &Environment, store: &Store, issuer: Issuer, workspaces: Peer) {
    let background = &environment.background;
    let (stopping, clock, sweeper) =
        (background.stopping().clone(), environment.clock.clone(), store.clone());
    background.spawn(async move {
        while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
            if let Err(error) = postbreeze_idempotency::sweep(sweeper.pool(), clock.now()).await {
                tracing::warn!(%error, "cannot sweep idempotency records");
            }
        }
    });
    let follower =
        Follower { store: store.clone(), clock: environment.clock.clone(), issuer, workspaces };
    let stopping = background.stopping().clone();
    background.spawn(async move {
        stopping.run_until_cancelled(follower.follow()).await;
    });
}

struct Follower {
    store: Store,
    clock: Clock,
    issuer: Issuer,
    workspaces: Peer,
}

impl Follower {
    async fn follow(&self) {
        let mut failing = false;
        loop {
            let failed = match self.read_on().await {
                Ok(()) => false,
                Err(error) => {
                    if !failing {
                        tracing::warn!(%error, "cannot follow the log of workspaces");
                    }
                    true
                }
            };
            failing = failed;
            sleep(FOLLOW_EVERY).await;
        }
    }

    async fn read_on(&self) -> Result<(), Error> {
        let after_position = self.store.workspace_log_position().await?;
        let mut request = tonic::Request::new(ReadWorkspaceLogRequest { after_position });
        request.set_timeout(PATIENCE);
        let token = self.issuer.system_token(AUDIENCE).map_err(|_| Error::Unreadable("signing key"))?;
        if let Some(token) = token.to_str().ok().and_then(|token| token.parse().ok()) {
            request.metadata_mut().insert("x-postbreeze-context", token);
        }
        let answer = WorkspaceLogServiceClient::new(self.workspaces.clone())
            .read_workspace_log(request)
            .await
            .map_err(|status| Error::Peer { peer: "workspaces", status })?;
        for entry in answer.into_inner().entries {
            self.deal_with(entry).await?;
        }
        Ok(())
    }

    async fn deal_with(&self, entry: WorkspaceLogEntry) -> Result<(), Error> {
        let workspace_id =
            entry.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
        match entry.event {
            Some(Event::Deleted(_)) => {
                self.store.release_workspace(workspace_id, entry.position, self.clock.now()).await?;
            }
            // An event of a later version: not ours to deal with.
            None => {}
        }
        Ok(())
    }
}
