//! `GetEntitlements`.

use postbreeze_context::{Action, Claim, Denied, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{GetEntitlementsRequest, GetEntitlementsResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_entitlements(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetEntitlementsRequest,
) -> Result<GetEntitlementsResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let admitted = context.admit(Claim::on(workspace_id), Action::Read)?;
    let workspace_id = admitted.workspace_id();
    let (owner, _) = rpc.store.owner_and_approval(workspace_id).await?.ok_or(Denied::OutOfReach)?;
    let terms = rpc.plans.terms(rpc.store.plan(owner).await?);
    let entitlements = Some(message::entitlements(workspace_id, terms));
    Ok(GetEntitlementsResponse { entitlements })
}
