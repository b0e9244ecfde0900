use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{Invitation, InvitationStatus, RevokeInvitationRequest, Role},
};

use crate::support::{System, User, invalid_fields, refused};

fn of(id: &str) -> RevokeInvitationRequest {
    RevokeInvitationRequest { invitation_id: id.to_owned(), ..Default::default() }
}

async fn revoke(system: &System, user: &User, id: &str) -> Result<Invitation, tonic::Status> {
    let answer = system.members(&user.caller).revoke_invitation(of(id)).await?;
    Ok(answer.into_inner().invitation.unwrap())
}

#[tokio::test]
async fn revoke_invitation_spends_that_one_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let (one, two) = (system.user("one"), system.user("two"));
    let first = system.invite(&team.owner, id, &one.email, Role::Editor).await.unwrap();
    let second = system.invite(&team.owner, id, &two.email, Role::Editor).await.unwrap();
    let first_id = first.invitation.unwrap().id;
    let revoked = revoke(&system, &team.admin, &first_id).await.unwrap();
    assert_eq!(revoked.status(), InvitationStatus::Revoked);
    refused(system.accept(&one, &first.invitation_token).await, Reason::InvitationSpent);
    refused(revoke(&system, &team.owner, &first_id).await, Reason::InvitationSpent);
    system.accept(&two, &second.invitation_token).await.unwrap();
    let second_id = second.invitation.unwrap().id;
    refused(revoke(&system, &team.owner, &second_id).await, Reason::InvitationSpent);
}

#[tokio::test]
async fn revoke_invitation_finds_an_expired_one_spent() {
    let system = System::start().await;
    let team = system.team().await;
    let invited = system.invite(&team.owner, &team.workspace.id, "x@example.com", Role::Editor);
    let id = invited.await.unwrap().invitation.unwrap().id;
    system.pass(TimeDelta::days(7));
    refused(revoke(&system, &team.owner, &id).await, Reason::InvitationSpent);
}

#[tokio::test]
async fn revoke_invitation_is_for_owners_and_admins_of_its_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let invited = system.invite(&team.owner, &team.workspace.id, "x@example.com", Role::Editor);
    let id = invited.await.unwrap().invitation.unwrap().id;
    for user in [&team.editor, &team.reviewer] {
        refused(revoke(&system, user, &id).await, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    system.create(&stranger, "Elsewhere").await;
    refused(revoke(&system, &stranger, &id).await, Reason::WorkspaceOutOfReach);
    let unknown = id.replace(&id[id.len() - 4..], "zzzz");
    refused(revoke(&system, &team.owner, &unknown).await, Reason::ResourceNotFound);
    let key = system.key(&team.owner, Permission::ReadWrite);
    refused(system.members(&key).revoke_invitation(of(&id)).await, Reason::SessionRequired);
    for bad in ["", "inv_", &team.workspace.id] {
        assert_eq!(invalid_fields(revoke(&system, &team.owner, bad).await), ["invitation_id"]);
    }
}
