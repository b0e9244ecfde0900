//! `DeleteWorkspace`.

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{DeleteWorkspaceRequest, DeleteWorkspaceResponse},
};

use super::{Rpc, lock_for};
use crate::{error::Error, store::Change};

pub(super) async fn delete_workspace(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DeleteWorkspaceRequest,
) -> Result<DeleteWorkspaceResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let (workspace_id,) = fields.finish((workspace_id,))?;
    let admitted = context.admit(Claim::on(workspace_id), Action::DeleteWorkspace)?;

    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, _) = lock_for(change, context, &admitted, Action::DeleteWorkspace).await?;
        team.delete_workspace(now).await?;
        team.revoke_invitations(None, now).await?;
        team.append_deleted(now).await?;
        Ok((team.into_change(), DeleteWorkspaceResponse {}))
    };
    let response = rpc.store.change(effect).await?;
    rpc.appended.notify_waiters();
    Ok(response)
}
