use postbreeze_context::Permission;
use postbreeze_proto::{
    status::{Reason, is_own_internal},
    v1::{ListMembersRequest, ListMembersResponse, Role},
};

use crate::support::{System, User, invalid_fields, refused, unknown_workspace};

async fn list(
    system: &System,
    user: &User,
    request: ListMembersRequest,
) -> Result<ListMembersResponse, tonic::Status> {
    Ok(system.members(&user.caller).list_members(request).await?.into_inner())
}

fn of(workspace_id: &str) -> ListMembersRequest {
    ListMembersRequest { workspace_id: workspace_id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn list_members_shows_any_member_the_team_newest_first_with_names_and_addresses() {
    let system = System::start().await;
    let team = system.team().await;
    for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        let calls = system.identity.profile_calls();
        let answer = list(&system, user, of(&team.workspace.id)).await.unwrap();
        assert_eq!(system.identity.profile_calls(), calls + 1);
        let shown: Vec<_> = answer
            .members
            .iter()
            .map(|member| (member.user_id.clone(), member.email.as_str(), member.role()))
            .collect();
        assert_eq!(
            shown,
            [
                (team.reviewer.id.to_string(), "reviewer@example.com", Role::ClientReviewer),
                (team.editor.id.to_string(), "editor@example.com", Role::Editor),
                (team.admin.id.to_string(), "admin@example.com", Role::Admin),
                (team.owner.id.to_string(), "owner@example.com", Role::Owner),
            ]
        );
        assert!(answer.members.iter().all(|member| member.workspace_id == team.workspace.id
            && member.id.starts_with("mem_")
            && member.display_name.ends_with("of the tests")));
        assert_eq!(answer.next_page_token, "");
    }
}

#[tokio::test]
async fn list_members_pages_bind_their_token_to_workspace_and_user() {
    let system = System::start().await;
    let team = system.team().await;
    let other = system.create(&team.owner, "Other").await;
    let page = |page_token: String| ListMembersRequest {
        page_size: 3,
        page_token,
        ..of(&team.workspace.id)
    };
    let first = list(&system, &team.owner, page(String::new())).await.unwrap();
    let token = first.next_page_token;
    assert_eq!(first.members.len(), 3);
    let rest = list(&system, &team.owner, page(token.clone())).await.unwrap();
    assert_eq!(rest.members.len(), 1);
    assert_eq!(rest.members[0].role(), Role::Owner);
    assert_eq!(rest.next_page_token, "");
    let elsewhere = ListMembersRequest { page_token: token.clone(), ..of(&other.id) };
    refused(list(&system, &team.owner, elsewhere).await, Reason::PageTokenInvalid);
    refused(list(&system, &team.admin, page(token)).await, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_members_is_for_sessions_of_members() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.user("stranger");
    let answer = list(&system, &stranger, of(&team.workspace.id)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let answer = list(&system, &team.owner, of(&unknown_workspace())).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let key = system.key(&team.owner, Permission::ReadWrite);
    let answer = system.members(&key).list_members(of("junk")).await;
    refused(answer, Reason::SessionRequired);
    let bad = ListMembersRequest { page_size: -1, page_token: "x".to_owned(), ..of("") };
    assert_eq!(
        invalid_fields(list(&system, &team.owner, bad).await),
        ["page_size", "page_token", "workspace_id"]
    );
}

#[tokio::test]
async fn list_members_is_unavailable_without_identity() {
    let system = System::start().await;
    let team = system.team().await;
    system.identity.go_down();
    let answer = list(&system, &team.owner, of(&team.workspace.id)).await;
    refused(answer, Reason::SourceUnreachable);
}

#[tokio::test]
async fn list_members_keeps_to_itself_what_identity_says_of_our_own_calls() {
    let system = System::start().await;
    let team = system.team().await;
    system.identity.break_down();
    let status = list(&system, &team.owner, of(&team.workspace.id)).await.unwrap_err();
    assert!(is_own_internal(&status), "{status:?}");
}
