//! How a medium is found that a request names. NOT_FOUND is told first, of a deleted one in reach too; then what is out of
//! reach; then what the caller may not.

use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_ids::MediaId;
use sqlx::{PgConnection, PgExecutor};

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
    let medium = living(rpc, context, find(rpc, id).await?).await?;
    admit(context, medium, action)
}

/// Finds a medium, whoever may reach it.
pub(super) async fn find(rpc: &Rpc, id: MediaId) -> Result<Claim<MediaRow>, Error> {
    rpc.store.find_medium(id).await?.ok_or(Error::NoMedium(id))
}

/// Admits to reading a medium that is not deleted.
pub(super) async fn living(
    rpc: &Rpc,
    context: &WorkspaceContext,
    claim: Claim<MediaRow>,
) -> Result<Admitted<MediaRow>, Error> {
    let medium = context.admit(claim, Action::Read)?;
    if medium.delete_time.is_some() {
        return Err(gone(rpc.store.pool(), &medium).await?);
    }
    Ok(medium)
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
    match lock_medium(connection, medium.id).await? {
        Some(row) => Ok(row),
        None => Err(gone(connection, medium).await?),
    }
}

/// What is told of a medium that is deleted: somebody did it, or it went with its workspace since the caller was admitted.
async fn gone(
    database: impl PgExecutor<'_>,
    medium: &Admitted<MediaRow>,
) -> Result<Error, sqlx::Error> {
    let buried = is_buried(database, medium.workspace_id()).await?;
    Ok(if buried { Denied::OutOfReach.into() } else { Error::NoMedium(medium.id) })
}
