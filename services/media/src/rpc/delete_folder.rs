//! `MediaService.DeleteFolder`. A large folder is emptied bit by bit: what has moved stays moved, should the call end before
//! the folder is gone.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    status::Reason,
    v1::{DeleteFolderRequest, DeleteFolderResponse},
};

use super::{Rpc, folders};
use crate::{
    error::Error,
    store::folders::{delete_folder as delete, holds_any, move_some_out},
};

pub(super) async fn delete_folder(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DeleteFolderRequest,
) -> Result<DeleteFolderResponse, Error> {
    let mut fields = Fields::new();
    let folder_id = fields.id("folder_id", &request.folder_id);
    let (folder_id,) = fields.finish((folder_id,))?;

    let folder = folders::load(rpc, context, folder_id, Action::WriteMedia).await?;
    let now = rpc.environment.clock.now();
    loop {
        let mut transaction = rpc.store.begin().await?;
        folders::hold(&mut transaction, &folder, Some(folder_id)).await?;
        if !request.force && holds_any(&mut transaction, folder_id).await? {
            let problem = "must be set to delete a folder that is not empty";
            return Err(Error::field("force", Reason::FieldInvalid, problem));
        }
        let last = move_some_out(&mut transaction, folder_id, now).await?;
        if last {
            delete(&mut transaction, folder_id).await?;
        }
        transaction.commit().await?;
        if last {
            return Ok(DeleteFolderResponse {});
        }
    }
}
