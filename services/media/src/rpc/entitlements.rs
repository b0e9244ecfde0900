//! What the plan of a workspace's owner allows there.

use postbreeze_context::{Admitted, Denied};
use postbreeze_ids::UserId;
use postbreeze_proto::internal::v1::{
    GetWorkspaceEntitlementsRequest, entitlement_service_client::EntitlementServiceClient,
};
use tonic::Code;

use super::Rpc;
use crate::error::Error;

/// Whose storage a workspace's media count in, and how much that may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entitlements {
    pub(crate) owner_user_id: UserId,
    /// Bytes over all workspaces of the owner; none: unlimited.
    pub(crate) media_bytes: Option<i64>,
}

impl Entitlements {
    /// The refusal of bytes that do not fit beside those that count already.
    pub(crate) fn refusal(self, current: i64) -> Error {
        Error::PlanLimitStorage { limit: self.media_bytes.unwrap_or(i64::MAX), current }
    }
}

/// Asks `workspaces`, at this moment.
pub(super) async fn entitlements(
    rpc: &Rpc,
    workspace: &Admitted<()>,
) -> Result<Entitlements, Error> {
    let request =
        GetWorkspaceEntitlementsRequest { workspace_id: workspace.workspace_id().to_string() };
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
        media_bytes: owner.media_bytes,
    })
}
