use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{RemoveMemberRequest, Role},
};

use crate::support::{System, Team, User, invalid_fields, refused, unknown_workspace};

fn request(team: &Team, user: &User) -> RemoveMemberRequest {
    RemoveMemberRequest { workspace_id: team.workspace.id.clone(), user_id: user.id.to_string() }
}

async fn remove(
    system: &System,
    actor: &User,
    request: RemoveMemberRequest,
) -> Result<(), tonic::Status> {
    system.members(&actor.caller).remove_member(request).await.map(drop)
}

#[tokio::test]
async fn remove_member_ends_the_reach_at_once_and_coming_back_is_possible() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let key = system.key(&team.editor, Permission::ReadWrite);
    system.get(&key, id).await.unwrap();
    remove(&system, &team.admin, request(&team, &team.editor)).await.unwrap();
    assert_eq!(system.role_of(&team.editor, id).await, None);
    refused(system.get(&key, id).await, Reason::WorkspaceOutOfReach);
    let again = remove(&system, &team.admin, request(&team, &team.editor)).await;
    refused(again, Reason::ResourceNotFound);
    system.join(&team.owner, id, &team.editor, Role::ClientReviewer).await;
    assert_eq!(system.role_of(&team.editor, id).await, Some(Role::ClientReviewer));
    remove(&system, &team.owner, request(&team, &team.admin)).await.unwrap();
    assert_eq!(system.role_of(&team.admin, id).await, None);
}

#[tokio::test]
async fn remove_member_lets_nobody_remove_the_owner_nor_an_admin_an_admin() {
    let system = System::start().await;
    let team = system.team().await;
    let second = system.user("second");
    system.join(&team.owner, &team.workspace.id, &second, Role::Admin).await;
    for target in [&team.owner, &second, &team.admin] {
        let answer = remove(&system, &team.admin, request(&team, target)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    for actor in [&team.editor, &team.reviewer] {
        let answer = remove(&system, actor, request(&team, &team.reviewer)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let answer = remove(&system, &team.owner, request(&team, &team.owner)).await;
    refused(answer, Reason::OwnerMustTransfer);
}

#[tokio::test]
async fn remove_member_refuses_strangers_keys_and_bad_fields() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.user("stranger");
    let answer = remove(&system, &stranger, request(&team, &team.editor)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let elsewhere =
        RemoveMemberRequest { workspace_id: unknown_workspace(), ..request(&team, &team.editor) };
    refused(remove(&system, &team.owner, elsewhere).await, Reason::WorkspaceOutOfReach);
    // That somebody is no member is told before what a role does not allow.
    for actor in [&team.owner, &team.reviewer] {
        let answer = remove(&system, actor, request(&team, &stranger)).await;
        refused(answer, Reason::ResourceNotFound);
    }
    let key = system.key(&team.owner, Permission::ReadWrite);
    let answer = system.members(&key).remove_member(request(&team, &team.editor)).await;
    refused(answer, Reason::SessionRequired);
    let bad = RemoveMemberRequest { workspace_id: "x".to_owned(), user_id: "y".to_owned() };
    let fields = invalid_fields(remove(&system, &team.owner, bad).await);
    assert_eq!(fields, ["user_id", "workspace_id"]);
}
