//! `MediaService.ListFolders`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::Folder;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListFoldersRequest, ListFoldersResponse},
};

use super::{Rpc, folders, message};
use crate::error::Error;

pub(super) async fn list_folders(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListFoldersRequest,
) -> Result<ListFoldersResponse, Error> {
    let mut fields = Fields::new();
    let filter = ListFoldersRequest { page_size: 0, page_token: String::new(), ..request.clone() };
    let binding = Binding::new("ListFolders", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let parent_id = request.parent_folder_id.as_deref().unwrap_or_default();
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        Page::read(&mut fields, key, binding, request.page_size, &request.page_token),
        fields.optional_id::<Folder>("parent_folder_id", parent_id),
    );
    let (workspace_id, page, parent_id) = fields.finish(checked)?;

    let parent = folders::find_named(rpc, parent_id).await?;
    let parent = folders::check_reach(context, parent)?;
    let workspace = context.admit(Claim::on(workspace_id), Action::Read)?;
    folders::check_workspace("parent_folder_id", &workspace, parent.as_ref())?;
    let place = folders::place(request.parent_folder_id.as_ref(), parent_id);
    let mut rows = rpc.store.list_folders(&workspace, place, page.after, page.sql_limit()).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    let folders = rows.into_iter().map(message::folder).collect();
    Ok(ListFoldersResponse { folders, next_page_token })
}
