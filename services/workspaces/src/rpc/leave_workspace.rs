//! `LeaveWorkspace`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{LeaveWorkspaceRequest, LeaveWorkspaceResponse},
};

use super::{Rpc, lock_for};
use crate::{error::Error, member, store::Change};

pub(super) async fn leave_workspace(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: LeaveWorkspaceRequest,
) -> Result<LeaveWorkspaceResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let admitted = context.admit(Claim::on(workspace_id), Action::Leave)?;

    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, actor) = lock_for(change, context, &admitted, Action::Leave).await?;
        member::may_leave(actor.role.0)?;
        team.delete_member(&actor, now).await?;
        Ok((team.into_change(), LeaveWorkspaceResponse {}))
    };
    rpc.store.change(effect).await
}
