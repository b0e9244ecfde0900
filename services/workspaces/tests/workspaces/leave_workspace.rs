use postbreeze_context::Permission;
use postbreeze_proto::{status::Reason, v1::LeaveWorkspaceRequest};

use crate::support::{System, User, invalid_fields, refused, unknown_workspace};

async fn leave(system: &System, user: &User, workspace_id: &str) -> Result<(), tonic::Status> {
    let request = LeaveWorkspaceRequest { workspace_id: workspace_id.to_owned() };
    system.members(&user.caller).leave_workspace(request).await.map(drop)
}

#[tokio::test]
async fn leave_workspace_is_open_to_all_but_the_owner() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    for user in [&team.admin, &team.editor, &team.reviewer] {
        leave(&system, user, id).await.unwrap();
        assert_eq!(system.role_of(user, id).await, None);
        refused(leave(&system, user, id).await, Reason::WorkspaceOutOfReach);
    }
    refused(leave(&system, &team.owner, id).await, Reason::OwnerMustTransfer);
}

#[tokio::test]
async fn leave_workspace_refuses_strangers_keys_and_bad_ids() {
    let system = System::start().await;
    let team = system.team().await;
    let stranger = system.user("stranger");
    let answer = leave(&system, &stranger, &team.workspace.id).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let answer = leave(&system, &team.editor, &unknown_workspace()).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let key = system.key(&team.editor, Permission::ReadWrite);
    let request = LeaveWorkspaceRequest { workspace_id: team.workspace.id.clone() };
    refused(system.members(&key).leave_workspace(request).await, Reason::SessionRequired);
    assert_eq!(invalid_fields(leave(&system, &team.editor, "x").await), ["workspace_id"]);
}
