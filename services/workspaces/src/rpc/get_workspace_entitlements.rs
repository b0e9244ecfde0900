//! `GetWorkspaceEntitlements`, for services that have admitted the caller to the workspace already.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetWorkspaceEntitlementsRequest, GetWorkspaceEntitlementsResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_workspace_entitlements(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: GetWorkspaceEntitlementsRequest,
) -> Result<GetWorkspaceEntitlementsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let (owner, require_approval) = rpc
        .store
        .owner_and_approval(workspace_id)
        .await?
        .ok_or(Error::NoWorkspace(workspace_id))?;
    let terms = rpc.plans.terms(rpc.store.plan(owner).await?);
    let entitlements = Some(message::owner_entitlements(owner, terms));
    Ok(GetWorkspaceEntitlementsResponse { entitlements, require_approval })
}
