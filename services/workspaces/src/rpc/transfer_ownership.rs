//! `TransferOwnership`.

use postbreeze_context::{Action, Role, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{TransferOwnershipRequest, TransferOwnershipResponse},
};

use super::{Rpc, admit_on_member, lock_for, message};
use crate::{error::Error, store::Change};

pub(super) async fn transfer_ownership(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: TransferOwnershipRequest,
) -> Result<TransferOwnershipResponse, Error> {
    let caller = context.user_id()?;
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let user_id = fields.id("user_id", &request.user_id);
    if user_id == Some(caller) {
        fields.violate("user_id", "must be another user than the caller");
    }
    let (workspace_id, user_id) = fields.finish((workspace_id, user_id))?;
    let action = Action::TransferWorkspace;
    let admitted = admit_on_member(rpc, context, workspace_id, user_id, action).await?;

    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, owner) = lock_for(change, context, &admitted, action).await?;
        let heir = team.member(user_id).await?.ok_or(Error::NoMember(user_id))?;
        // First the one, then the other: two owners are not possible, not even within a transaction.
        team.set_role(&owner, Role::Admin, now).await?;
        team.set_role(&heir, Role::Owner, now).await?;
        let workspace = message::workspace(team.workspace().await?, Role::Admin);
        Ok((team.into_change(), TransferOwnershipResponse { workspace: Some(workspace) }))
    };
    rpc.store.change(effect).await
}
