//! Follows the log of `workspaces`, for the services that hold rows of workspaces: a deletion reaches them in the order
//! of its commit, at least once, also after a restart, and one that fails holds up no other workspace's. The log lets its
//! readers wait, so they ask again at once.

use std::{fmt::Display, time::Duration};

use postbreeze_ids::WorkspaceId;
use postbreeze_log_follower::{Failure, Log, Page};
pub use postbreeze_log_follower::{Following, Pass};
use postbreeze_proto::internal::v1::{
    ReadWorkspaceLogRequest, ReadWorkspaceLogResponse, WorkspaceLogEntry,
    workspace_log_entry::Event, workspace_log_service_client::WorkspaceLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer, postgres::Database};
use tonic::async_trait;

use crate::token::Issuer;

const PATIENCE: Duration = Duration::from_secs(5);
const AUDIENCE: &[&str] = &["workspaces"];

/// What a service does with the log.
#[async_trait]
pub trait Follower: Send + Sync + 'static {
    /// What can go wrong.
    type Error: Display + Send;

    /// Deals with a deletion, and marks its entry in the last transaction. Must bear to be told twice, and to be cut off.
    async fn deleted(&self, workspace_id: WorkspaceId, pass: Pass) -> Result<(), Self::Error>;
}

/// Follows the log until the process has ended its calls: they are answered from what it tells. The follower's database has the
/// tables `workspace_log_position` and `failed_log_entries`.
pub fn follow(
    environment: &Environment,
    database: &Database,
    issuer: Issuer,
    workspaces: Peer,
    follower: impl Follower,
) -> Following {
    let log = WorkspaceLog { issuer, workspaces, database: database.clone(), follower };
    postbreeze_log_follower::follow(environment, database, log)
}

struct WorkspaceLog<F> {
    issuer: Issuer,
    workspaces: Peer,
    database: Database,
    follower: F,
}

#[async_trait]
impl<F: Follower> Log for WorkspaceLog<F> {
    type Entry = WorkspaceLogEntry;

    const NAME: &'static str = "workspaces";
    const POSITION_TABLE: &'static str = "workspace_log_position";

    async fn read(&self, after_position: i64) -> Result<Page<WorkspaceLogEntry>, String> {
        let read = ReadWorkspaceLogRequest { after_position, at_once: false };
        let request = self.issuer.request(read, AUDIENCE, PATIENCE);
        let request = request.map_err(|error| error.to_string())?;
        let answer = WorkspaceLogServiceClient::new(self.workspaces.clone())
            .read_workspace_log(request)
            .await
            .map_err(|status| status.to_string())?;
        let ReadWorkspaceLogResponse { entries, last_position } = answer.into_inner();
        Ok(Page { entries, last_position })
    }

    fn position(entry: &WorkspaceLogEntry) -> i64 {
        entry.position
    }

    fn subject(entry: &WorkspaceLogEntry) -> &str {
        &entry.workspace_id
    }

    async fn handle(&self, entry: &WorkspaceLogEntry, pass: Pass) -> Result<(), Failure> {
        match entry.event {
            Some(Event::Deleted(_)) => {
                let workspace_id = entry.workspace_id.parse::<WorkspaceId>();
                let workspace_id =
                    workspace_id.map_err(|error| Failure::unreadable("workspace_id", error))?;
                self.follower.deleted(workspace_id, pass).await.map_err(Failure::failed)
            }
            // An event of a later version: not ours to deal with.
            None => pass.mark_alone(self.database.pool()).await.map_err(Failure::failed),
        }
    }
}
