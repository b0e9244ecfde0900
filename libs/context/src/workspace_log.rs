//! Follows the log of `workspaces`, for the services that hold rows of workspaces: a deletion reaches them in the order
//! of its commit, at least once, also after a restart.

use std::{fmt::Display, time::Duration};

use postbreeze_ids::WorkspaceId;
use postbreeze_proto::internal::v1::{
    ReadWorkspaceLogRequest, WorkspaceLogEntry, workspace_log_entry::Event,
    workspace_log_service_client::WorkspaceLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer};
use tokio::time::sleep;
use tonic::{Request, async_trait};

use crate::token::{CONTEXT, Issuer};

/// Between two readings, and after one that failed.
const EVERY: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);
const AUDIENCE: &[&str] = &["workspaces"];

/// What a service does with the log.
#[async_trait]
pub trait Follower: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Display + Send;

    /// The position of the last entry that was dealt with.
    async fn position(&self) -> Result<i64, Self::Error>;

    /// Deals with a deletion and moves the position on, in one transaction. Must bear to be told twice.
    async fn deleted(&self, workspace_id: WorkspaceId, position: i64) -> Result<(), Self::Error>;
}

/// Follows the log until the process stops.
pub fn follow(
    environment: &Environment,
    issuer: Issuer,
    workspaces: Peer,
    follower: impl Follower,
) {
    let stopping = environment.background.stopping().clone();
    environment.background.spawn(async move {
        let following = async {
            let mut failing = false;
            loop {
                let failed = read_on(&issuer, &workspaces, &follower).await.err();
                if let Some(cause) = failed.as_ref().filter(|_| !failing) {
                    tracing::warn!(cause, "the log of workspaces cannot be followed");
                }
                failing = failed.is_some();
                sleep(EVERY).await;
            }
        };
        stopping.run_until_cancelled::<_>(following).await;
    });
}

async fn read_on(
    issuer: &Issuer,
    workspaces: &Peer,
    follower: &impl Follower,
) -> Result<(), String> {
    let after_position = follower.position().await.map_err(|error| error.to_string())?;
    let mut request = Request::new(ReadWorkspaceLogRequest { after_position });
    request.set_timeout(PATIENCE);
    let token = issuer.system_token(AUDIENCE).map_err(|error| error.to_string())?;
    request.metadata_mut().as_mut().insert(CONTEXT, token);
    let answer = WorkspaceLogServiceClient::new(workspaces.clone())
        .read_workspace_log(request)
        .await
        .map_err(|status| status.to_string())?;
    for entry in answer.into_inner().entries {
        deal_with(follower, entry).await?;
    }
    Ok(())
}

async fn deal_with(follower: &impl Follower, entry: WorkspaceLogEntry) -> Result<(), String> {
    let workspace_id =
        entry.workspace_id.parse::<WorkspaceId>().map_err(|error| error.to_string())?;
    match entry.event {
        Some(Event::Deleted(_)) => {
            follower.deleted(workspace_id, entry.position).await.map_err(|error| error.to_string())
        }
        // An event of a later version: not ours to deal with.
        None => Ok(()),
    }
}
