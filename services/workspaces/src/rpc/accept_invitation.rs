//! `AcceptInvitation`.

use postbreeze_context::WorkspaceContext;
use postbreeze_idempotency::Key;
use postbreeze_proto::{
    fields::Fields,
    v1::{AcceptInvitationRequest, AcceptInvitationResponse, InvitationStatus},
};

use super::{Rpc, message};
use crate::{
    error::Error,
    invitation,
    store::{Change, MemberRow},
};

pub(super) async fn accept_invitation(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: AcceptInvitationRequest,
) -> Result<AcceptInvitationResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let hash = invitation::hash(&request.invitation_token);
    if hash.is_none() {
        fields.violate("invitation_token", "is not a token that was given out");
    }
    let checked = (hash, fields.request_id(&request.request_id));
    let (hash, request_id) = fields.finish(checked)?;
    let invitation = rpc.store.invitation_of_token(&hash).await?.ok_or(Error::NoSuchToken)?;
    let profile = rpc.identity.profile(user_id).await?;
    if invitation::normal_email(&profile.email) != invitation.email {
        return Err(Error::InvitationNotYours);
    }

    let now = rpc.clock.now();
    let key = Key::of(user_id, "MemberService.AcceptInvitation", &request_id, &request);
    let row = MemberRow {
        id: rpc.minter.mint(invitation.workspace_id.bucket()),
        workspace_id: invitation.workspace_id,
        user_id,
        role: invitation.role,
        create_time: now,
    };
    let effect = async |change: Change| {
        let mut team = change.lock_invited(&invitation).await?.ok_or(Error::InvitationSpent)?;
        // Read again under the lock: it may have been used, taken back or replaced meanwhile.
        let invitation = team.invitation(invitation.id).await?;
        if invitation.status.at(now, invitation.expire_time) != InvitationStatus::Pending {
            return Err(Error::InvitationSpent);
        }
        if team.member(user_id).await?.is_some() {
            return Err(Error::AlreadyMember);
        }
        team.insert_member(&row).await?;
        team.accept_invitation(invitation.id, now).await?;
        Ok((
            team.into_change(),
            AcceptInvitationResponse { member: Some(message::member(&row, profile)) },
        ))
    };
    rpc.store.once(key.as_ref(), now, effect).await
}
