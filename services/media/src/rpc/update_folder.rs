//! `MediaService.UpdateFolder`: folders of one workspace move one after another, so that no two moves make a ring.

use postbreeze_context::{Action, Admitted, WorkspaceContext};
use postbreeze_ids::{Folder, FolderId};
use postbreeze_proto::{
    fields::Fields,
    status::Reason,
    v1::{UpdateFolderRequest, UpdateFolderResponse},
};
use sqlx::PgConnection;

use super::{Rpc, folders, message, text};
use crate::{
    error::Error,
    folder::place,
    store::folders::{ancestry, folder_of, levels_of, save_folder},
};

const PARENT: &str = "parent_folder_id";

pub(super) async fn update_folder(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateFolderRequest,
) -> Result<UpdateFolderResponse, Error> {
    let mut fields = Fields::new();
    let folder_id = fields.id("folder_id", &request.folder_id);
    let mut mask = text::Mask::read(&mut fields, request.update_mask.as_ref(), &["name", PARENT]);
    let (mut name, mut parent_id) = (None, None);
    if mask.names("name", !request.name.is_empty()) {
        name = text::folder_name(&mut fields, &request.name);
    }
    if mask.names(PARENT, !request.parent_folder_id.is_empty()) {
        parent_id = fields.optional_id::<Folder>(PARENT, &request.parent_folder_id);
    }
    mask.finish(&mut fields);
    let (folder_id,) = fields.finish((folder_id,))?;

    let claim = folders::find(rpc, folder_id).await?;
    let parent = folders::find_named(rpc, parent_id.flatten()).await?;
    let parent = folders::check_reach(context, parent)?;
    let folder = context.admit(claim, Action::WriteMedia)?;
    folders::check_workspace(PARENT, &folder, parent.as_ref())?;
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    folders::hold(&mut transaction, &folder, parent_id.flatten()).await?;
    let row = folder_of(&mut transaction, &folder, folder_id).await?;
    let mut row = row.ok_or(Error::NoFolder(folder_id))?;
    if let Some(parent_id) = parent_id {
        check_place(&mut transaction, &folder, Some(folder_id), parent_id).await?;
        row.parent_folder_id = parent_id;
    }
    if let Some(name) = name {
        row.name = name;
    }
    row.update_time = now;
    save_folder(&mut transaction, &row).await?;
    transaction.commit().await?;
    Ok(UpdateFolderResponse { folder: Some(message::folder(row)) })
}

/// A folder, or a new one, must be able to lie in a parent, or at the top level; the workspace is held.
pub(super) async fn check_place<T>(
    connection: &mut PgConnection,
    workspace: &Admitted<T>,
    folder_id: Option<FolderId>,
    parent_id: Option<FolderId>,
) -> Result<(), Error> {
    let Some(parent_id) = parent_id else { return Ok(()) };
    let parents = ancestry(connection, workspace, parent_id).await?;
    let levels = match folder_id {
        None => 1,
        Some(id) => levels_of(connection, id).await?,
    };
    place(&parents, folder_id.as_ref(), levels)
        .map_err(|misplaced| Error::field(PARENT, Reason::FieldInvalid, misplaced.problem()))
}
