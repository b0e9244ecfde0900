//! `GetReach`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::internal::v1::{GetReachRequest, GetReachResponse, Membership};

use super::Handlers;
use crate::error::Error;

pub(super) async fn get_reach(
    handlers: &Handlers,
    context: &WorkspaceContext,
    _: GetReachRequest,
) -> Result<GetReachResponse, Error> {
    let reach = handlers.store.reach(context.user_id()?).await?;
    let memberships = reach
        .into_iter()
        .map(|(id, role)| Membership {
            workspace_id: id.uuid().as_bytes().to_vec(),
            role: role.to_proto().into(),
        })
        .collect();
    Ok(GetReachResponse { memberships })
}
