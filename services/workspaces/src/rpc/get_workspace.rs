//! `GetWorkspace`.

use postbreeze_context::{Action, Claim, Denied, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{GetWorkspaceRequest, GetWorkspaceResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_workspace(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetWorkspaceRequest,
) -> Result<GetWorkspaceResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let admitted = context.admit(Claim::on(workspace_id), Action::Read)?;
    let row = rpc.store.workspace(&admitted).await?.ok_or(Denied::OutOfReach)?;
    Ok(GetWorkspaceResponse { workspace: Some(message::workspace(row, admitted.role())) })
}
