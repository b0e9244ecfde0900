//! Whether the workspaces of what was claimed are still there. Their deletion reaches this service a moment after it was
//! answered OK: so `workspaces` is asked once the right to send is written down, and before it is used. What was claimed
//! before a deletion was on its way already; what is found deleted by then is not sent.

use std::{collections::HashSet, time::Duration};

use postbreeze_ids::WorkspaceId;
use postbreeze_proto::internal::v1::{
    ReadWorkspaceLogRequest, ReadWorkspaceLogResponse, workspace_log_entry::Event,
    workspace_log_service_client::WorkspaceLogServiceClient,
};
use postbreeze_runtime::postgres::bounded;

use super::Shared;
use crate::error::Error;

const WITHIN: Duration = Duration::from_secs(2);

/// The deletions that were heard of here, beyond those that are in the database.
#[derive(Default)]
pub(super) struct Deletions {
    /// How far the log was read.
    position: Option<i64>,
    gone: HashSet<WorkspaceId>,
}

/// More deletions than this are worth asking which of them the database knows by now.
const WORTH_PRUNING: usize = 1_000;

impl Deletions {
    pub(super) fn has(&self, id: WorkspaceId) -> bool {
        self.gone.contains(&id)
    }

    /// Forgets deletions that are in the database: a claim from now on sees them there. It must not run between a claim and
    /// the sending of what was claimed.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn prune(&mut self, shared: &Shared) -> Result<(), Error> {
        if self.gone.len() > WORTH_PRUNING {
            let gone: Vec<WorkspaceId> = self.gone.iter().copied().collect();
            for buried in shared.store.buried_of(&gone).await? {
                self.gone.remove(&buried);
            }
        }
        Ok(())
    }

    /// Reads what there is now.
    ///
    /// # Errors
    /// When the log cannot be read to its end.
    pub(super) async fn catch_up(&mut self, shared: &Shared) -> Result<(), Error> {
        let mut position = match self.position {
            Some(position) => position,
            // What comes before is written down with the workspaces' posts.
            None => bounded(shared.store.workspace_log_position()).await?,
        };
        loop {
            let read = ReadWorkspaceLogRequest { after_position: position, at_once: true };
            let request = shared.issuer.request(read, &["workspaces"], WITHIN);
            let request = request.map_err(|_| Error::Crypto)?;
            let answer = WorkspaceLogServiceClient::new(shared.workspaces.clone())
                .read_workspace_log(request)
                .await
                .map_err(|status| Error::Peer { peer: "workspaces", status })?;
            let ReadWorkspaceLogResponse { entries, last_position } = answer.into_inner();
            // A log that was restored from a backup gives its positions out again.
            position = position.min(last_position.unwrap_or(position));
            for entry in &entries {
                position = entry.position;
                if let Some(Event::Deleted(_)) = entry.event {
                    // No post is of a workspace whose id is none; the follower of the log tells of it.
                    self.gone.extend(entry.workspace_id.parse::<WorkspaceId>());
                }
            }
            self.position = Some(position);
            if entries.is_empty() {
                return Ok(());
            }
        }
    }
}
