//! `InviteMember`.

use aws_lc_rs::rand;
use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_idempotency::Key;
use postbreeze_proto::{
    fields::Fields,
    v1::{InviteMemberRequest, InviteMemberResponse},
};

use super::{Rpc, given_role, lock_for, message};
use crate::{
    error::Error,
    invitation::{self, EMAIL_CHARS, LIFE, RANDOM_BYTES, Status},
    member,
    store::{Change, InvitationRow, StoredRole},
};

pub(super) async fn invite_member(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: InviteMemberRequest,
) -> Result<InviteMemberResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let checked = (
        fields.id("workspace_id", &request.workspace_id),
        email(&mut fields, &request.email),
        given_role(&mut fields, request.role),
        fields.request_id(&request.request_id),
    );
    let (workspace_id, email, role, request_id) = fields.finish(checked)?;
    let admitted = context.admit(Claim::on(workspace_id), Action::ManageMembers)?;
    member::may_grant(admitted.role(), role)?;

    let now = rpc.clock.now();
    let key = Key::of(user_id, "MemberService.InviteMember", &request_id, &request);
    // Asked before the lock is taken: nobody waits for another service behind it.
    let invited = rpc.identity.user_of(&email).await?;
    let (token, hash) = new_token()?;
    let row = InvitationRow {
        id: rpc.minter.mint(workspace_id.bucket()),
        workspace_id,
        email,
        role: StoredRole(role),
        status: Status::Pending,
        inviter_user_id: user_id,
        create_time: now,
        expire_time: now + LIFE,
    };
    let effect = async |change: Change| {
        let (mut team, actor) = lock_for(change, context, &admitted, Action::ManageMembers).await?;
        member::may_grant(actor.role.0, role)?;
        if let Some(invited) = invited
            && team.member(invited).await?.is_some()
        {
            return Err(Error::AlreadyMember);
        }
        team.revoke_invitations(Some(&row.email), now).await?;
        team.insert_invitation(&row, &hash).await?;
        Ok((
            team.into_change(),
            InviteMemberResponse {
                invitation: Some(message::invitation(row, now)),
                invitation_token: token,
            },
        ))
    };
    rpc.store.once_redacted(key.as_ref(), now, without_token, effect).await
}

/// What a replay shows: the token is shown once.
fn without_token(response: &InviteMemberResponse) -> InviteMemberResponse {
    InviteMemberResponse {
        invitation: response.invitation.clone(),
        invitation_token: String::new(),
    }
}

fn new_token() -> Result<(String, invitation::TokenHash), Error> {
    let mut random = [0; RANDOM_BYTES];
    rand::fill(&mut random).map_err(|_| Error::Random)?;
    let token = invitation::token(&random);
    let hash = invitation::hash(&token).ok_or(Error::Random)?;
    Ok((token, hash))
}

fn email(fields: &mut Fields, value: &str) -> Option<String> {
    // Trimming and lower-casing can only be asked of a text of bounded length.
    let text = fields.text("email", value.trim(), EMAIL_CHARS)?;
    let email = invitation::normal_email(&text);
    if !invitation::is_email(&email) || !EMAIL_CHARS.contains(&email.chars().count()) {
        fields.violate("email", "must be an email address");
        return None;
    }
    Some(email)
}
