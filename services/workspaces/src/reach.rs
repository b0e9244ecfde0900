//! Reaches from this service's own database: it asks nobody for what it owns.

use postbreeze_context::{Role, resolve::Memberships};
use postbreeze_ids::{UserId, WorkspaceId};
use postbreeze_runtime::postgres::status_of;
use tonic::{Status, async_trait};

use crate::store::Store;

/// Memberships as they are stored at the moment of asking.
pub(crate) struct StoredMemberships(pub(crate) Store);

#[async_trait]
impl Memberships for StoredMemberships {
    async fn memberships(&self, user_id: UserId) -> Result<Vec<(WorkspaceId, Role)>, Status> {
        self.0.reach(user_id).await.map_err(|error| status_of(&error))
    }
}
