//! An invitation is good for as long as its sender may grant its role.

use postbreeze_proto::{
    status::Reason,
    v1::{
        InvitationStatus, LeaveWorkspaceRequest, ListInvitationsRequest, RemoveMemberRequest, Role,
        TransferOwnershipRequest, UpdateMemberRequest,
    },
};

use crate::support::{System, Team, User, refused};

/// How the sender's authority ends, or changes.
#[derive(Debug, Clone, Copy)]
enum Change {
    Removed,
    Left,
    DemotedTo(Role),
    TransferredTo,
    Transferred,
    TransferredAndLeft,
    TransferredAndRemoved,
    TransferredAndDemotedTo(Role),
}

/// Who sends.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Owner,
    Admin,
}

use Change::{
    DemotedTo, Left, Removed, Transferred, TransferredAndDemotedTo, TransferredAndLeft,
    TransferredAndRemoved, TransferredTo,
};
use Role::{Admin, ClientReviewer, Editor};

/// Each sender, what happens to them, and the invited roles that can be accepted afterwards.
const MATRIX: [(Sender, Change, &[Role]); 11] = [
    (Sender::Admin, Removed, &[]),
    (Sender::Admin, Left, &[]),
    (Sender::Admin, DemotedTo(Editor), &[]),
    (Sender::Admin, DemotedTo(ClientReviewer), &[]),
    (Sender::Admin, DemotedTo(Admin), &[Editor, ClientReviewer]),
    (Sender::Admin, TransferredTo, &[Editor, ClientReviewer]),
    (Sender::Owner, Transferred, &[Editor, ClientReviewer]),
    (Sender::Owner, TransferredAndLeft, &[]),
    (Sender::Owner, TransferredAndRemoved, &[]),
    (Sender::Owner, TransferredAndDemotedTo(Editor), &[]),
    (Sender::Owner, TransferredAndDemotedTo(ClientReviewer), &[]),
];

async fn remove(system: &System, actor: &User, team: &Team, user: &User) {
    let request = RemoveMemberRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: user.id.to_string(),
    };
    system.members(&actor.caller).remove_member(request).await.unwrap();
}

async fn leave(system: &System, team: &Team, user: &User) {
    let request = LeaveWorkspaceRequest { workspace_id: team.workspace.id.clone() };
    system.members(&user.caller).leave_workspace(request).await.unwrap();
}

async fn set_role(system: &System, actor: &User, team: &Team, user: &User, role: Role) {
    let request = UpdateMemberRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: user.id.to_string(),
        role: role.into(),
    };
    system.members(&actor.caller).update_member(request).await.unwrap();
}

/// The admin becomes the owner, and the owner an admin.
async fn transfer(system: &System, team: &Team) {
    let request = TransferOwnershipRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: team.admin.id.to_string(),
    };
    system.members(&team.owner.caller).transfer_ownership(request).await.unwrap();
}

/// Brings the change about, and answers who owns the workspace afterwards.
async fn bring_about<'a>(system: &System, team: &'a Team, change: Change) -> &'a User {
    let (owner, admin) = (&team.owner, &team.admin);
    match change {
        Removed => remove(system, owner, team, admin).await,
        Left => leave(system, team, admin).await,
        DemotedTo(role) => set_role(system, owner, team, admin, role).await,
        TransferredTo | Transferred => transfer(system, team).await,
        TransferredAndLeft => {
            transfer(system, team).await;
            leave(system, team, owner).await;
        }
        TransferredAndRemoved => {
            transfer(system, team).await;
            remove(system, admin, team, owner).await;
        }
        TransferredAndDemotedTo(role) => {
            transfer(system, team).await;
            set_role(system, admin, team, owner, role).await;
        }
    }
    match change {
        Removed | Left | DemotedTo(_) => owner,
        _ => admin,
    }
}

#[tokio::test]
async fn an_invitation_is_spent_as_soon_as_its_sender_may_no_longer_grant_its_role() {
    let system = System::start().await;
    for (sender, change, still_good) in MATRIX {
        let team = system.team().await;
        let (sender, may_invite): (_, &[Role]) = match sender {
            Sender::Owner => (&team.owner, &[Admin, Editor, ClientReviewer]),
            Sender::Admin => (&team.admin, &[Editor, ClientReviewer]),
        };
        let mut sent = Vec::new();
        for role in may_invite {
            let guest = system.user(&format!("guest{}", rand::random::<u64>()));
            let answer = system.invite(sender, &team.workspace.id, &guest.email, *role).await;
            let answer = answer.unwrap();
            sent.push((*role, guest, answer.invitation.unwrap(), answer.invitation_token));
        }
        let owner = bring_about(&system, &team, change).await;

        let request = ListInvitationsRequest {
            workspace_id: team.workspace.id.clone(),
            ..Default::default()
        };
        let listed = system.members(&owner.caller).list_invitations(request).await.unwrap();
        let listed = listed.into_inner().invitations;
        assert!(listed.iter().all(|one| one.status() == InvitationStatus::Pending));
        for (role, guest, invitation, token) in sent {
            let is_good = still_good.contains(&role);
            let is_listed = listed.iter().any(|one| one.id == invitation.id);
            assert_eq!(is_listed, is_good, "{change:?} {role:?}");
            let answer = system.accept(&guest, &token).await;
            if is_good {
                assert_eq!(answer.unwrap().member.unwrap().role(), role, "{change:?}");
            } else {
                refused(answer, Reason::InvitationSpent);
                let role = system.role_of(&guest, &team.workspace.id).await;
                assert_eq!(role, None, "{change:?}");
            }
        }
    }
}

/// Coming back gives nothing back: what was revoked stays revoked, and others' invitations are left alone.
#[tokio::test]
async fn revoked_invitations_stay_revoked_and_those_of_others_stay_good() {
    let system = System::start().await;
    let team = system.team().await;
    let workspace_id = &team.workspace.id;
    let (first, second) = (system.user("first"), system.user("second"));
    let by_admin = system.invite(&team.admin, workspace_id, &first.email, Editor).await.unwrap();
    let by_owner = system.invite(&team.owner, workspace_id, &second.email, Editor).await.unwrap();
    set_role(&system, &team.owner, &team, &team.admin, Editor).await;
    set_role(&system, &team.owner, &team, &team.admin, Admin).await;
    let answer = system.accept(&first, &by_admin.invitation_token).await;
    refused(answer, Reason::InvitationSpent);
    system.accept(&second, &by_owner.invitation_token).await.unwrap();
}
