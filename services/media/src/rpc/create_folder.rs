//! `MediaService.CreateFolder`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    v1::{CreateFolderRequest, CreateFolderResponse},
};

use super::{Rpc, folders, message, text, update_folder::check_place};
use crate::{
    error::Error,
    store::folders::{FolderRow, insert_folder},
};

pub(super) async fn create_folder(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreateFolderRequest,
) -> Result<CreateFolderResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let name = text::folder_name(&mut fields, &request.name);
    let parent_id = fields.optional_id::<Folder>("parent_folder_id", &request.parent_folder_id);
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, name, parent_id, request_id) =
        fields.finish((workspace_id, name, parent_id, request_id))?;

    let parent = folders::find_named(rpc, parent_id).await?;
    let parent = folders::check_reach(context, parent)?;
    let workspace = context.admit(Claim::on(workspace_id), Action::WriteMedia)?;
    folders::check_workspace("parent_folder_id", &workspace, parent.as_ref())?;
    let key = Key::of(context.user_id()?, "MediaService.CreateFolder", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first_answer) =
        idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await?
    {
        return Ok(first_answer);
    }
    let row = FolderRow {
        id: rpc.environment.minter.mint(workspace_id.bucket()),
        workspace_id,
        parent_folder_id: parent_id,
        name,
        create_time: now,
        update_time: now,
    };
    idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        folders::hold(&mut transaction, &workspace, parent_id).await?;
        check_place(&mut transaction, &workspace, None, parent_id).await?;
        insert_folder(&mut transaction, &workspace, &row).await?;
        Ok((transaction, CreateFolderResponse { folder: Some(message::folder(row)) }))
    })
    .await
}
