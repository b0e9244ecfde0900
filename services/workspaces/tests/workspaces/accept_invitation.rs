use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    internal::v1::Profile,
    status::Reason,
    time,
    v1::{AcceptInvitationRequest, Member, Role},
};

use crate::support::{System, invalid_fields, refused};

#[tokio::test]
async fn accept_invitation_makes_the_caller_a_member_with_the_invited_role() {
    let system = System::start().await;
    let owner = system.user("owner");
    let workspace = system.create(&owner, "Acme").await;
    let guest = system.user("guest");
    assert_eq!(system.role_of(&guest, &workspace.id).await, None);
    let invited = system.invite(&owner, &workspace.id, &guest.email, Role::Admin).await.unwrap();
    system.pass(TimeDelta::days(7) - TimeDelta::microseconds(1));
    let member = system.accept(&guest, &invited.invitation_token).await.unwrap().member.unwrap();
    assert_eq!(
        member,
        Member {
            id: member.id.clone(),
            workspace_id: workspace.id.clone(),
            user_id: guest.id.to_string(),
            email: guest.email.clone(),
            display_name: "guest of the tests".to_owned(),
            role: Role::Admin.into(),
            create_time: Some(time::to_proto(system.now())),
        }
    );
    assert_eq!(system.role_of(&guest, &workspace.id).await, Some(Role::Admin));
    let again = system.accept(&guest, &invited.invitation_token).await;
    refused(again, Reason::InvitationSpent);
}

#[tokio::test]
async fn accept_invitation_is_too_late_after_seven_days() {
    let system = System::start().await;
    let owner = system.user("owner");
    let workspace = system.create(&owner, "Acme").await;
    let guest = system.user("guest");
    let invited = system.invite(&owner, &workspace.id, &guest.email, Role::Editor).await.unwrap();
    system.pass(TimeDelta::days(7));
    refused(system.accept(&guest, &invited.invitation_token).await, Reason::InvitationSpent);
    assert_eq!(system.role_of(&guest, &workspace.id).await, None);
}

#[tokio::test]
async fn accept_invitation_is_for_the_invited_address_alone() {
    let system = System::start().await;
    let owner = system.user("owner");
    let workspace = system.create(&owner, "Acme").await;
    let (guest, thief) = (system.user("guest"), system.user("thief"));
    let invited = system.invite(&owner, &workspace.id, &guest.email, Role::Editor).await.unwrap();
    for user in [&thief, &owner] {
        let answer = system.accept(user, &invited.invitation_token).await;
        refused(answer, Reason::InvitationNotYours);
    }
    // The attempts have not spent it; once it is spent they still learn nothing of that.
    system.accept(&guest, &invited.invitation_token).await.unwrap();
    let answer = system.accept(&thief, &invited.invitation_token).await;
    refused(answer, Reason::InvitationNotYours);
}

#[tokio::test]
async fn accept_invitation_by_a_member_does_not_spend_it() {
    let system = System::start().await;
    let owner = system.user("owner");
    let workspace = system.create(&owner, "Acme").await;
    let (member, guest) = (system.user("member"), system.user("guest"));
    system.join(&owner, &workspace.id, &member, Role::Editor).await;
    let invited = system.invite(&owner, &workspace.id, &guest.email, Role::Admin).await.unwrap();
    let profile = |email: &str| Profile {
        user_id: member.id.to_string(),
        email: email.to_owned(),
        display_name: String::new(),
    };
    // The member has that address for a while.
    system.identity.put(member.id, profile(&guest.email));
    let answer = system.accept(&member, &invited.invitation_token).await;
    refused(answer, Reason::AlreadyMember);
    assert_eq!(system.role_of(&member, &workspace.id).await, Some(Role::Editor));
    system.identity.put(member.id, profile(&member.email));
    system.accept(&guest, &invited.invitation_token).await.unwrap();
}

#[tokio::test]
async fn accept_invitation_refuses_tokens_that_were_never_given_out() {
    let system = System::start().await;
    let guest = system.user("guest");
    let made_up = format!("pb_inv_{}", "x".repeat(43));
    for token in ["", "junk", "pb_inv_", &made_up, "a\0b"] {
        assert_eq!(invalid_fields(system.accept(&guest, token).await), ["invitation_token"]);
    }
    let request =
        AcceptInvitationRequest { invitation_token: "junk".to_owned(), request_id: "r".repeat(65) };
    let answer = system.members(&guest.caller).accept_invitation(request.clone()).await;
    assert_eq!(invalid_fields(answer), ["invitation_token", "request_id"]);
    let key = system.key(&guest, Permission::ReadWrite);
    refused(system.members(&key).accept_invitation(request).await, Reason::SessionRequired);
}

#[tokio::test]
async fn accept_invitation_replays_the_first_answer() {
    let system = System::start().await;
    let owner = system.user("owner");
    let workspace = system.create(&owner, "Acme").await;
    let guest = system.user("guest");
    let invited = system.invite(&owner, &workspace.id, &guest.email, Role::Editor).await.unwrap();
    let request = AcceptInvitationRequest {
        invitation_token: invited.invitation_token,
        request_id: "once".to_owned(),
    };
    let mut client = system.members(&guest.caller);
    let first = client.accept_invitation(request.clone()).await.unwrap().into_inner();
    let again = client.accept_invitation(request.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let second = system.create(&owner, "Second").await;
    let invited = system.invite(&owner, &second.id, &guest.email, Role::Editor).await.unwrap();
    let other = AcceptInvitationRequest { invitation_token: invited.invitation_token, ..request };
    refused(client.accept_invitation(other).await, Reason::RequestIdReused);
    assert_eq!(system.role_of(&guest, &second.id).await, None);
}
