use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{Member, Role, UpdateMemberRequest},
};

use crate::support::{System, Team, User, invalid_fields, refused, unknown_workspace};

fn request(team: &Team, user: &User, role: Role) -> UpdateMemberRequest {
    UpdateMemberRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: user.id.to_string(),
        role: role.into(),
    }
}

async fn update(
    system: &System,
    actor: &User,
    request: UpdateMemberRequest,
) -> Result<Member, tonic::Status> {
    let answer = system.members(&actor.caller).update_member(request).await?;
    Ok(answer.into_inner().member.unwrap())
}

#[tokio::test]
async fn update_member_changes_the_role_from_the_next_call_on() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let promoted = update(&system, &team.owner, request(&team, &team.editor, Role::Admin)).await;
    let promoted = promoted.unwrap();
    assert_eq!((promoted.role(), promoted.email.as_str()), (Role::Admin, "editor@example.com"));
    assert_eq!(system.role_of(&team.editor, id).await, Some(Role::Admin));
    update(&system, &team.owner, request(&team, &team.editor, Role::ClientReviewer)).await.unwrap();
    assert_eq!(system.role_of(&team.editor, id).await, Some(Role::ClientReviewer));
    update(&system, &team.admin, request(&team, &team.editor, Role::Editor)).await.unwrap();
    update(&system, &team.admin, request(&team, &team.editor, Role::Editor)).await.unwrap();
    assert_eq!(system.role_of(&team.editor, id).await, Some(Role::Editor));
}

#[tokio::test]
async fn update_member_lets_admins_neither_touch_nor_make_their_equals() {
    let system = System::start().await;
    let team = system.team().await;
    let second = system.user("second");
    system.join(&team.owner, &team.workspace.id, &second, Role::Admin).await;
    for target in [&team.owner, &second, &team.admin] {
        let answer = update(&system, &team.admin, request(&team, target, Role::Editor)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let answer = update(&system, &team.admin, request(&team, &team.editor, Role::Admin)).await;
    refused(answer, Reason::RoleInsufficient);
    for actor in [&team.editor, &team.reviewer] {
        let answer = update(&system, actor, request(&team, actor, Role::ClientReviewer)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let answer = update(&system, &team.owner, request(&team, &team.owner, Role::Admin)).await;
    refused(answer, Reason::OwnerMustTransfer);
    assert_eq!(system.role_of(&team.owner, &team.workspace.id).await, Some(Role::Owner));
}

#[tokio::test]
async fn update_member_refuses_strangers_unknown_members_keys_and_bad_fields() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.user("stranger");
    let answer = update(&system, &stranger, request(&team, &team.editor, Role::Editor)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let elsewhere = UpdateMemberRequest {
        workspace_id: unknown_workspace(),
        ..request(&team, &team.editor, Role::Editor)
    };
    refused(update(&system, &team.owner, elsewhere).await, Reason::WorkspaceOutOfReach);
    let answer = update(&system, &team.admin, request(&team, &stranger, Role::Admin)).await;
    let status = refused(answer, Reason::ResourceNotFound);
    assert!(status.message().contains(&stranger.id.to_string()));
    let answer = update(&system, &team.reviewer, request(&team, &stranger, Role::Admin)).await;
    refused(answer, Reason::ResourceNotFound);
    let key = system.key(&team.owner, Permission::ReadWrite);
    let answer =
        system.members(&key).update_member(request(&team, &team.editor, Role::Editor)).await;
    refused(answer, Reason::SessionRequired);
    let bad = UpdateMemberRequest {
        workspace_id: String::new(),
        user_id: team.workspace.id.clone(),
        role: 77,
    };
    assert_eq!(
        invalid_fields(update(&system, &team.owner, bad).await),
        ["role", "user_id", "workspace_id"]
    );
    let answer = update(&system, &team.owner, request(&team, &team.editor, Role::Owner)).await;
    assert_eq!(invalid_fields(answer), ["role"]);
}
