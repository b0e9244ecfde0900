//! `UpdateMember`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdateMemberRequest, UpdateMemberResponse},
};

use super::{Rpc, admit_on_member, given_role, lock_for, message};
use crate::{
    error::Error,
    member,
    store::{Change, MemberRow, StoredRole},
};

pub(super) async fn update_member(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateMemberRequest,
) -> Result<UpdateMemberResponse, Error> {
    let mut fields = Fields::new();
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        fields.id("user_id", &request.user_id),
        given_role(&mut fields, request.role),
    );
    let (workspace_id, user_id, role) = fields.finish(checked)?;
    let action = Action::ManageMembers;
    let admitted = admit_on_member(rpc, context, workspace_id, user_id, action).await?;

    // Asked before anything changes: a change that was made is always answered.
    let profile = rpc.identity.profile(user_id).await?;
    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, actor) = lock_for(change, context, &admitted, action).await?;
        let target = team.member(user_id).await?.ok_or(Error::NoMember(user_id))?;
        member::may_change(actor.role.0, target.role.0)?;
        member::may_grant(actor.role.0, role)?;
        team.set_role(&target, role, now).await?;
        let row = MemberRow { role: StoredRole(role), ..target };
        Ok((
            team.into_change(),
            UpdateMemberResponse { member: Some(message::member(&row, profile)) },
        ))
    };
    rpc.store.change(effect).await
}
