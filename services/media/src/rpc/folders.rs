//! The folders that requests name as a place: unknown is NOT_FOUND, then comes what is out of reach, and, once the caller is
//! admitted to what the request is about, one of another workspace is FIELD_INVALID.

use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_ids::FolderId;
use postbreeze_proto::status::Reason;
use sqlx::PgConnection;

use super::Rpc;
use crate::{
    error::Error,
    store::{
        folders::{FolderRow, folder_of},
        media::list::Place,
        workspaces::hold_workspace,
    },
};

/// Finds a folder for an action.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    id: FolderId,
    action: Action,
) -> Result<Admitted<FolderRow>, Error> {
    Ok(context.admit(find(rpc, id).await?, action)?)
}

/// Finds a folder, whoever may reach it.
pub(super) async fn find(rpc: &Rpc, id: FolderId) -> Result<Claim<FolderRow>, Error> {
    rpc.store.find_folder(id).await?.ok_or(Error::NoFolder(id))
}

/// Finds the folder that a request names, if it names one.
pub(super) async fn find_named(
    rpc: &Rpc,
    id: Option<FolderId>,
) -> Result<Option<Claim<FolderRow>>, Error> {
    match id {
        None => Ok(None),
        Some(id) => find(rpc, id).await.map(Some),
    }
}

/// A named folder must be in the caller's reach.
pub(super) fn check_reach(
    context: &WorkspaceContext,
    folder: Option<Claim<FolderRow>>,
) -> Result<Option<Admitted<FolderRow>>, Denied> {
    folder.map(|folder| context.admit(folder, Action::Read)).transpose()
}

/// A named folder must be of the workspace.
pub(super) fn check_workspace<T>(
    field: &str,
    workspace: &Admitted<T>,
    folder: Option<&Admitted<FolderRow>>,
) -> Result<(), Error> {
    match folder {
        Some(folder) if folder.workspace_id() != workspace.workspace_id() => {
            Err(Error::field(field, Reason::FieldInvalid, "is a folder of another workspace"))
        }
        _ => Ok(()),
    }
}

/// Holds a workspace into which something is put, or whose folders are moved about. The folder that was named must still be
/// there.
pub(super) async fn hold<T>(
    connection: &mut PgConnection,
    workspace: &Admitted<T>,
    folder_id: Option<FolderId>,
) -> Result<(), Error> {
    if !hold_workspace(connection, workspace).await? {
        // Deleted since the caller was admitted.
        return Err(Denied::OutOfReach.into());
    }
    if let Some(id) = folder_id {
        folder_of(connection, workspace, id).await?.ok_or(Error::NoFolder(id))?;
    }
    Ok(())
}

/// Where a list looks: the filter may be absent, empty, or name a folder.
pub(super) fn place(filter: Option<&String>, folder_id: Option<FolderId>) -> Place {
    match (filter, folder_id) {
        (None, _) => Place::Anywhere,
        (Some(_), None) => Place::Top,
        (Some(_), Some(id)) => Place::Folder(id),
    }
}
