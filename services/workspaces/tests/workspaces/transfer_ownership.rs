use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{
        ChangeSubscriptionRequest, GetEntitlementsRequest, Plan, Role, TransferOwnershipRequest,
        Workspace,
    },
};

use crate::support::{System, Team, User, invalid_fields, refused, unknown_workspace};

fn to(team: &Team, user: &User) -> TransferOwnershipRequest {
    TransferOwnershipRequest {
        workspace_id: team.workspace.id.clone(),
        user_id: user.id.to_string(),
    }
}

async fn transfer(
    system: &System,
    actor: &User,
    request: TransferOwnershipRequest,
) -> Result<Workspace, tonic::Status> {
    let answer = system.members(&actor.caller).transfer_ownership(request).await?;
    Ok(answer.into_inner().workspace.unwrap())
}

#[tokio::test]
async fn transfer_ownership_makes_the_member_owner_and_the_owner_admin() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    let plan = ChangeSubscriptionRequest { plan: Plan::Pro.into() };
    system.billing(&team.reviewer.caller).change_subscription(plan).await.unwrap();

    let workspace = transfer(&system, &team.owner, to(&team, &team.reviewer)).await.unwrap();
    assert_eq!(workspace.owner_user_id, team.reviewer.id.to_string());
    assert_eq!((workspace.role(), workspace.joined), (Role::Admin, true));
    assert_eq!(system.role_of(&team.reviewer, id).await, Some(Role::Owner));
    assert_eq!(system.role_of(&team.owner, id).await, Some(Role::Admin));
    let again = transfer(&system, &team.owner, to(&team, &team.editor)).await;
    refused(again, Reason::RoleInsufficient);
    // The plan that counts is the new owner's.
    let request = GetEntitlementsRequest { workspace_id: id.clone() };
    let answer = system.billing(&team.editor.caller).get_entitlements(request).await.unwrap();
    assert_eq!(answer.into_inner().entitlements.unwrap().plan(), Plan::Pro);
}

#[tokio::test]
async fn transfer_ownership_is_from_the_owner_to_another_member() {
    let system = System::start().await;
    let team = system.team().await;
    for actor in [&team.admin, &team.editor, &team.reviewer] {
        let answer = transfer(&system, actor, to(&team, &team.owner)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    for actor in [&team.owner, &team.admin] {
        let answer = transfer(&system, actor, to(&team, &stranger)).await;
        refused(answer, Reason::ResourceNotFound);
    }
    let answer = transfer(&system, &stranger, to(&team, &team.admin)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let elsewhere =
        TransferOwnershipRequest { workspace_id: unknown_workspace(), ..to(&team, &team.admin) };
    refused(transfer(&system, &team.owner, elsewhere).await, Reason::WorkspaceOutOfReach);
    let answer = transfer(&system, &team.owner, to(&team, &team.owner)).await;
    assert_eq!(invalid_fields(answer), ["user_id"]);
    let bad = TransferOwnershipRequest { workspace_id: "x".to_owned(), user_id: "y".to_owned() };
    let answer = transfer(&system, &team.owner, bad).await;
    assert_eq!(invalid_fields(answer), ["user_id", "workspace_id"]);
    let key = system.key(&team.owner, Permission::ReadWrite);
    let answer = system.members(&key).transfer_ownership(to(&team, &team.admin)).await;
    refused(answer, Reason::SessionRequired);
}
