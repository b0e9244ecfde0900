//! Allow-lists from this service's own store, for the reaches it resolves itself.

use postbreeze_context::{Caller, resolve::KeyScopes};
use postbreeze_ids::WorkspaceId;
use tonic::{Status, async_trait};

use crate::{error::Error, store::Store};

/// The allow-lists of stored keys.
pub(crate) struct StoredKeyScopes(pub(crate) Store);

#[async_trait]
impl KeyScopes for StoredKeyScopes {
    async fn scope(&self, caller: &Caller) -> Result<Vec<WorkspaceId>, Status> {
        let Some(key_id) = caller.key_id() else { return Ok(Vec::new()) };
        Ok(self.0.key_workspaces(key_id).await.map_err(Error::from)?)
    }
}
