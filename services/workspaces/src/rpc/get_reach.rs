//! `GetReach`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::internal::v1::{GetReachRequest, GetReachResponse, Membership};

use super::Rpc;
use crate::error::Error;

pub(super) async fn get_reach(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: GetReachRequest,
) -> Result<GetReachResponse, Error> {
    let reach = rpc.store.reach(context.user_id()?).await?;
    let memberships = reach
        .into_iter()
        .map(|(id, role)| Membership {
            workspace_id: id.uuid().as_bytes().to_vec(),
            role: role.to_proto().into(),
        })
        .collect();
    Ok(GetReachResponse { memberships })
}
