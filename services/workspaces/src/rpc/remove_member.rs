//! `RemoveMember`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{RemoveMemberRequest, RemoveMemberResponse},
};

use super::{Rpc, admit_on_member, lock_for};
use crate::{error::Error, member, store::Change};

pub(super) async fn remove_member(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RemoveMemberRequest,
) -> Result<RemoveMemberResponse, Error> {
    let mut fields = Fields::new();
    let checked =
        (fields.id("workspace_id", &request.workspace_id), fields.id("user_id", &request.user_id));
    let (workspace_id, user_id) = fields.finish(checked)?;
    let action = Action::ManageMembers;
    let admitted = admit_on_member(rpc, context, workspace_id, user_id, action).await?;

    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, actor) = lock_for(change, context, &admitted, action).await?;
        let target = team.member(user_id).await?.ok_or(Error::NoMember(user_id))?;
        member::may_change(actor.role.0, target.role.0)?;
        team.delete_member(&target, now).await?;
        Ok((team.into_change(), RemoveMemberResponse {}))
    };
    rpc.store.change(effect).await
}
