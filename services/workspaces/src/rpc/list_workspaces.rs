//! `ListWorkspaces`: the reach itself, page by page, oldest first.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::WorkspaceId;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
    v1::{ListWorkspacesRequest, ListWorkspacesResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn list_workspaces(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListWorkspacesRequest,
) -> Result<ListWorkspacesResponse, Error> {
    let mut fields = Fields::new();
    let binding =
        Binding::new("ListWorkspaces", context.user_id()?, &ListWorkspacesRequest::default());
    let key = &rpc.page_tokens;
    let page = Page::read(&mut fields, key, binding, request.page_size, &request.page_token);
    let (page,) = fields.finish((page,))?;

    let mut ids: Vec<WorkspaceId> = context
        .reach()
        .iter()
        .map(|(id, _)| id)
        .filter(|id| page.after.is_none_or(|after| id.uuid() > after))
        .take(page.limit())
        .collect();
    let next_page_token = page.cut(key, &mut ids, |id| id.uuid());
    let rows = rpc.store.workspaces(&ids).await?;
    let workspaces = rows
        .into_iter()
        .filter_map(|row| Some((context.reach().role_in(row.id)?, row)))
        .map(|(role, row)| message::workspace(row, role))
        .collect();
    Ok(ListWorkspacesResponse { workspaces, next_page_token })
}
