//! `RevokeInvitation`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{InvitationStatus, RevokeInvitationRequest, RevokeInvitationResponse},
};

use super::{Rpc, lock_for, message};
use crate::{
    error::Error,
    invitation::Status,
    store::{Change, InvitationRow},
};

pub(super) async fn revoke_invitation(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RevokeInvitationRequest,
) -> Result<RevokeInvitationResponse, Error> {
    let mut fields = Fields::new();
    let id = fields.id("invitation_id", &request.invitation_id);
    let (id,) = fields.finish((id,))?;
    let claim = rpc.store.invitation(id).await?.ok_or(Error::NoInvitation(id))?;
    let admitted = context.admit(claim, Action::ManageMembers)?;

    let now = rpc.clock.now();
    let effect = async |change: Change| {
        let (mut team, _) = lock_for(change, context, &admitted, Action::ManageMembers).await?;
        let row = team.invitation(id).await?;
        if row.status.at(now, row.expire_time) != InvitationStatus::Pending {
            return Err(Error::InvitationSpent);
        }
        // There is one pending invitation per address, so this is it.
        team.revoke_invitations(Some(&row.email), now).await?;
        let row = InvitationRow { status: Status::Revoked, ..row };
        Ok((
            team.into_change(),
            RevokeInvitationResponse { invitation: Some(message::invitation(row, now)) },
        ))
    };
    rpc.store.change(effect).await
}
