use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{ListInvitationsRequest, ListInvitationsResponse, Role},
};

use crate::support::{System, User, invalid_fields, refused, unknown_workspace};

async fn list(
    system: &System,
    user: &User,
    request: ListInvitationsRequest,
) -> Result<ListInvitationsResponse, tonic::Status> {
    Ok(system.members(&user.caller).list_invitations(request).await?.into_inner())
}

fn of(workspace_id: &str) -> ListInvitationsRequest {
    ListInvitationsRequest { workspace_id: workspace_id.to_owned(), ..Default::default() }
}

fn emails(response: &ListInvitationsResponse) -> Vec<&str> {
    response.invitations.iter().map(|invitation| invitation.email.as_str()).collect()
}

#[tokio::test]
async fn list_invitations_shows_the_pending_ones_of_the_workspace_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let other = system.create(&team.owner, "Other").await;
    system.invite(&team.owner, &other.id, "elsewhere@example.com", Role::Editor).await.unwrap();
    for name in ["a", "b"] {
        system.invite(&team.owner, id, &format!("{name}@example.com"), Role::Editor).await.unwrap();
    }
    system.pass(TimeDelta::days(6));
    system.invite(&team.owner, id, "c@example.com", Role::Editor).await.unwrap();
    for user in [&team.owner, &team.admin] {
        let listed = list(&system, user, of(id)).await.unwrap();
        assert_eq!(emails(&listed), ["c@example.com", "b@example.com", "a@example.com"]);
    }
    let page = ListInvitationsRequest { page_size: 2, ..of(id) };
    let first = list(&system, &team.owner, page.clone()).await.unwrap();
    assert_eq!(emails(&first), ["c@example.com", "b@example.com"]);
    let next = ListInvitationsRequest { page_token: first.next_page_token, ..page };
    let rest = list(&system, &team.owner, next).await.unwrap();
    assert_eq!((emails(&rest), rest.next_page_token.as_str()), (vec!["a@example.com"], ""));
    system.pass(TimeDelta::days(1));
    assert_eq!(emails(&list(&system, &team.owner, of(id)).await.unwrap()), ["c@example.com"]);
}

#[tokio::test]
async fn list_invitations_is_for_sessions_of_owners_and_admins() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    for user in [&team.editor, &team.reviewer] {
        refused(list(&system, user, of(id)).await, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    refused(list(&system, &stranger, of(id)).await, Reason::WorkspaceOutOfReach);
    let unknown = of(&unknown_workspace());
    refused(list(&system, &team.owner, unknown).await, Reason::WorkspaceOutOfReach);
    let key = system.key(&team.owner, Permission::ReadWrite);
    refused(system.members(&key).list_invitations(of(id)).await, Reason::SessionRequired);
    let bad = ListInvitationsRequest { page_size: -1, page_token: "x".to_owned(), ..of("x") };
    assert_eq!(
        invalid_fields(list(&system, &team.owner, bad).await),
        ["page_size", "page_token", "workspace_id"]
    );
}
