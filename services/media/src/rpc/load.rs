//! How a medium is found that a request names. NOT_FOUND is told first, of a deleted one in reach too; then what is out of
//! reach; then what the caller may not.

use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_ids::MediaId;
use sqlx::PgConnection;

use super::Rpc;
use crate::{
    error::Error,
    store::{
        media::{MediaRow, lock_medium},
        workspaces::is_buried,
    },
};

/// Finds a medium for an action.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    id: MediaId,
    action: Action,
) -> Result<Admitted<MediaRow>, Error> {
    admit(context, living(context, find(rpc, id).await?)?, action)
}

/// Finds a medium, whoever may reach it.
pub(super) async fn find(rpc: &Rpc, id: MediaId) -> Result<Claim<MediaRow>, Error> {
    rpc.store.find_medium(id).await?.ok_or(Error::NoMedium(id))
}

/// Admits to reading a medium that is not deleted.
pub(super) fn living(
    context: &WorkspaceContext,
    claim: Claim<MediaRow>,
) -> Result<Admitted<MediaRow>, Error> {
    let medium = context.admit(claim, Action::Read)?;
    if medium.delete_time.is_some() { Err(Error::NoMedium(medium.id)) } else { Ok(medium) }
}

/// Admits one who may read a medium to an action.
pub(super) fn admit(
    context: &WorkspaceContext,
    medium: Admitted<MediaRow>,
    action: Action,
) -> Result<Admitted<MediaRow>, Error> {
    Ok(context.admit(Claim::new(medium.workspace_id(), medium.into_row()), action)?)
}

/// Locks an admitted medium for a transaction, and answers it as it is now.
pub(super) async fn lock(
    connection: &mut PgConnection,
    medium: &Admitted<MediaRow>,
) -> Result<MediaRow, Error> {
    if let Some(row) = lock_medium(connection, medium.id).await? {
        return Ok(row);
    }
    // Deleted since the caller was admitted: by somebody, or with its workspace.
    let buried = is_buried(connection, medium.workspace_id()).await?;
    Err(if buried { Denied::OutOfReach.into() } else { Error::NoMedium(medium.id) })
}
