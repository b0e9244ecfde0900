//! `GetWorkspaceEntitlements`, for services that have admitted the caller to the workspace already.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetWorkspaceEntitlementsRequest, GetWorkspaceEntitlementsResponse},
};

use super::{Handlers, messages};
use crate::error::Error;

pub(super) async fn get_workspace_entitlements(
    handlers: &Handlers,
    _: &WorkspaceContext,
    request: GetWorkspaceEntitlementsRequest,
) -> Result<GetWorkspaceEntitlementsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let (owner, require_approval) = handlers
        .store
        .owner_and_approval(workspace_id)
        .await?
        .ok_or(Error::NoWorkspace(workspace_id))?;
    let terms = handlers.plans.terms(handlers.store.plan(owner).await?);
    let entitlements = Some(messages::owner_entitlements(owner, terms));
    Ok(GetWorkspaceEntitlementsResponse { entitlements, require_approval })
}
