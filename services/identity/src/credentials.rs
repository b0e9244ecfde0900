//! Allow-lists from this service's own store, for the reaches it resolves itself.

use postbreeze_context::{Caller, resolve::KeyScopes};
use postbreeze_ids::WorkspaceId;
use tonic::{Status, async_trait};

use crate::{
    error::Error,
    store::{Store, allow_lists::KeyScope},
};

/// The allow-lists of stored keys.
pub(crate) struct StoredKeyScopes(pub(crate) Store);

#[async_trait]
impl KeyScopes for StoredKeyScopes {
    async fn scope(&self, caller: &Caller) -> Result<Option<Vec<WorkspaceId>>, Status> {
        let key_id = caller.key_id().ok_or(Error::Missing("the caller's key"))?;
        match self.0.key_scope(key_id).await.map_err(Error::from)? {
            KeyScope::Gone => Err(Error::CredentialRevoked.into()),
            KeyScope::Full => Ok(None),
            KeyScope::Only(workspaces) => Ok(Some(workspaces)),
        }
    }
}
