use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    time,
    v1::{Invitation, InvitationStatus, InviteMemberRequest, ListInvitationsRequest, Role},
};

use crate::support::{System, invalid_fields, refused, unknown_workspace};

fn editor(workspace_id: &str, email: &str) -> InviteMemberRequest {
    InviteMemberRequest {
        workspace_id: workspace_id.to_owned(),
        email: email.to_owned(),
        role: Role::Editor.into(),
        request_id: String::new(),
    }
}

#[tokio::test]
async fn invite_member_shows_an_invitation_of_seven_days_and_its_token() {
    let system = System::start().await;
    let team = system.team().await;
    let answer = system
        .invite(&team.admin, &team.workspace.id, "  New@Example.COM ", Role::ClientReviewer)
        .await
        .unwrap();
    let invitation = answer.invitation.unwrap();
    assert_eq!(
        invitation,
        Invitation {
            id: invitation.id.clone(),
            workspace_id: team.workspace.id.clone(),
            email: "new@example.com".to_owned(),
            role: Role::ClientReviewer.into(),
            status: InvitationStatus::Pending.into(),
            inviter_user_id: team.admin.id.to_string(),
            create_time: Some(time::to_proto(system.now())),
            expire_time: Some(time::to_proto(system.now() + TimeDelta::days(7))),
        }
    );
    assert!(invitation.id.starts_with("inv_"));
    assert!(answer.invitation_token.strip_prefix("pb_inv_").unwrap().len() >= 32);
}

#[tokio::test]
async fn invite_member_again_replaces_the_pending_invitation() {
    let system = System::start().await;
    let team = system.team().await;
    let (id, guest) = (&team.workspace.id, system.user("guest"));
    let first = system.invite(&team.owner, id, &guest.email, Role::Admin).await.unwrap();
    let second = system.invite(&team.admin, id, "GUEST@example.com", Role::Editor).await.unwrap();
    assert_ne!(first.invitation_token, second.invitation_token);
    let request = ListInvitationsRequest { workspace_id: id.clone(), ..Default::default() };
    let mut client = system.members(&team.owner.caller);
    let listed = client.list_invitations(request).await.unwrap().into_inner().invitations;
    assert_eq!(listed, [second.invitation.unwrap()]);
    refused(system.accept(&guest, &first.invitation_token).await, Reason::InvitationSpent);
    system.accept(&guest, &second.invitation_token).await.unwrap();
    assert_eq!(system.role_of(&guest, id).await, Some(Role::Editor));
}

#[tokio::test]
async fn invite_member_replaces_an_expired_invitation_too() {
    let system = System::start().await;
    let team = system.team().await;
    let (id, guest) = (&team.workspace.id, system.user("guest"));
    system.invite(&team.owner, id, &guest.email, Role::Editor).await.unwrap();
    system.pass(TimeDelta::days(8));
    let second = system.invite(&team.owner, id, &guest.email, Role::Editor).await.unwrap();
    system.accept(&guest, &second.invitation_token).await.unwrap();
}

#[tokio::test]
async fn invite_member_refuses_the_address_of_a_member() {
    let system = System::start().await;
    let team = system.team().await;
    let other = system.create(&team.owner, "Other").await;
    for user in [&team.owner, &team.editor] {
        let answer =
            system.invite(&team.admin, &team.workspace.id, &user.email, Role::Editor).await;
        refused(answer, Reason::AlreadyMember);
    }
    // A member elsewhere is none here.
    system.invite(&team.owner, &other.id, &team.editor.email, Role::Editor).await.unwrap();
}

#[tokio::test]
async fn invite_member_is_for_owners_and_admins_and_admins_make_no_admins() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    system.invite(&team.owner, id, "a@example.com", Role::Admin).await.unwrap();
    let answer = system.invite(&team.admin, id, "b@example.com", Role::Admin).await;
    refused(answer, Reason::RoleInsufficient);
    for user in [&team.editor, &team.reviewer] {
        let answer = system.invite(user, id, "c@example.com", Role::ClientReviewer).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    let answer = system.invite(&stranger, id, "d@example.com", Role::Editor).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let answer =
        system.invite(&team.owner, &unknown_workspace(), "e@example.com", Role::Editor).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let key = system.key(&team.owner, Permission::ReadWrite);
    let answer = system.members(&key).invite_member(editor(id, "f@example.com")).await;
    refused(answer, Reason::SessionRequired);
}

#[tokio::test]
async fn invite_member_names_every_bad_field() {
    let system = System::start().await;
    let team = system.team().await;
    let mut client = system.members(&team.owner.caller);
    let request = InviteMemberRequest {
        workspace_id: "junk".to_owned(),
        email: "no address".to_owned(),
        role: Role::Owner.into(),
        request_id: "r".repeat(65),
    };
    assert_eq!(
        invalid_fields(client.invite_member(request).await),
        ["email", "request_id", "role", "workspace_id"]
    );
    for role in [0, 9, -1] {
        let request = InviteMemberRequest { role, ..editor(&team.workspace.id, "x@example.com") };
        assert_eq!(invalid_fields(client.invite_member(request).await), ["role"]);
    }
    let long = format!("{}@example.com", "x".repeat(250));
    for email in ["", "  ", "@x", "a@", "a@b@c", "a\0@b", &long] {
        let request = editor(&team.workspace.id, email);
        assert_eq!(invalid_fields(client.invite_member(request).await), ["email"], "{email}");
    }
}

#[tokio::test]
async fn invite_member_replays_without_the_token() {
    let system = System::start().await;
    let team = system.team().await;
    let request = InviteMemberRequest {
        request_id: "once".to_owned(),
        ..editor(&team.workspace.id, "new@example.com")
    };
    let mut client = system.members(&team.owner.caller);
    let first = client.invite_member(request.clone()).await.unwrap().into_inner();
    system.pass(TimeDelta::hours(1));
    let again = client.invite_member(request.clone()).await.unwrap().into_inner();
    assert_eq!(again.invitation, first.invitation);
    assert_eq!(again.invitation_token, "");
    let other = InviteMemberRequest { email: "other@example.com".to_owned(), ..request.clone() };
    refused(client.invite_member(other).await, Reason::RequestIdReused);
    // Authority comes before the replay.
    let demoted = postbreeze_proto::v1::TransferOwnershipRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: team.editor.id.to_string(),
    };
    client.transfer_ownership(demoted).await.unwrap();
    let remove = postbreeze_proto::v1::RemoveMemberRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: team.owner.id.to_string(),
    };
    system.members(&team.editor.caller).remove_member(remove).await.unwrap();
    refused(client.invite_member(request).await, Reason::WorkspaceOutOfReach);
}
