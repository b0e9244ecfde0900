//! `GetWorkspaceNames`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::{Id, WorkspaceId};
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetWorkspaceNamesRequest, GetWorkspaceNamesResponse, WorkspaceName},
    page::MAX_PAGE_SIZE,
};
use uuid::Uuid;

use super::Rpc;
use crate::error::Error;

pub(super) async fn get_workspace_names(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetWorkspaceNamesRequest,
) -> Result<GetWorkspaceNamesResponse, Error> {
    let mut fields = Fields::new();
    let given = &request.workspace_ids;
    let ids: Vec<WorkspaceId> =
        given.iter().filter_map(|id| Uuid::from_slice(id).ok()).map(Id::from_uuid).collect();
    fields.count("workspace_ids", given.len(), 0..=MAX_PAGE_SIZE);
    if ids.len() != given.len() {
        fields.violate("workspace_ids", "must be UUIDs of 16 bytes");
    }
    fields.finish(())?;
    let names = rpc.store.names_for(context.user_id()?, &ids).await?;
    let named = names
        .into_iter()
        .map(|(id, name)| WorkspaceName { workspace_id: id.uuid().as_bytes().to_vec(), name });
    Ok(GetWorkspaceNamesResponse { workspaces: named.collect() })
}
