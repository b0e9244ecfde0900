//! What the plan of a workspace's owner allows there.

use postbreeze_context::{Admitted, Denied, Role};
use postbreeze_ids::UserId;
use postbreeze_proto::internal::v1::{
    GetWorkspaceEntitlementsRequest, entitlement_service_client::EntitlementServiceClient,
};
use tonic::Code;

use super::Rpc;
use crate::error::Error;

/// What the owner's plan allows in a workspace, and what the workspace asks for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entitlements {
    pub(super) owner_user_id: UserId,
    /// Units in a month; none: unlimited.
    pub(super) posts_per_month: Option<i64>,
    require_approval: bool,
}

impl Entitlements {
    /// Whether what a member of this role schedules must be approved.
    pub(super) fn needs_approval(self, role: Role) -> bool {
        self.require_approval && role == Role::Editor
    }
}

/// Asks `workspaces`, at this moment.
pub(super) async fn entitlements<T>(
    rpc: &Rpc,
    admitted: &Admitted<T>,
) -> Result<Entitlements, Error> {
    let request =
        GetWorkspaceEntitlementsRequest { workspace_id: admitted.workspace_id().to_string() };
    let answer = EntitlementServiceClient::new(rpc.workspaces.clone())
        .get_workspace_entitlements(request)
        .await
        .map_err(|status| match status.code() {
            // It was in reach a moment ago: it has been deleted meanwhile.
            Code::NotFound => Error::Denied(Denied::OutOfReach),
            _ => Error::Peer { peer: "workspaces", status },
        })?
        .into_inner();
    let owner = answer.entitlements.unwrap_or_default();
    Ok(Entitlements {
        owner_user_id: owner
            .owner_user_id
            .parse()
            .map_err(|_| Error::Unreadable("owner_user_id"))?,
        posts_per_month: owner.posts_per_month,
        require_approval: answer.require_approval,
    })
}
