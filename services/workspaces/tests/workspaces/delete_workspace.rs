use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{DeleteWorkspaceRequest, Role},
};

use crate::support::{System, invalid_fields, refused, unknown_workspace};

fn delete(workspace_id: &str) -> DeleteWorkspaceRequest {
    DeleteWorkspaceRequest { workspace_id: workspace_id.to_owned() }
}

#[tokio::test]
async fn delete_workspace_takes_it_out_of_everybodys_reach_and_ends_its_invitations() {
    let system = System::start().await;
    let team = system.team().await;
    let (id, guest) = (&team.workspace.id, system.user("guest"));
    let invited = system.invite(&team.owner, id, &guest.email, Role::Editor).await.unwrap();
    system.workspaces(&team.owner.caller).delete_workspace(delete(id)).await.unwrap();
    for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        assert_eq!(system.role_of(user, id).await, None);
    }
    let again = system.workspaces(&team.owner.caller).delete_workspace(delete(id)).await;
    refused(again, Reason::WorkspaceOutOfReach);
    refused(system.accept(&guest, &invited.invitation_token).await, Reason::InvitationSpent);
    let invitation_id = invited.invitation.unwrap().id;
    let request =
        postbreeze_proto::v1::RevokeInvitationRequest { invitation_id, ..Default::default() };
    let revoked = system.members(&team.owner.caller).revoke_invitation(request).await;
    refused(revoked, Reason::WorkspaceOutOfReach);
}

#[tokio::test]
async fn delete_workspace_is_for_its_owner() {
    let system = System::start().await;
    let team = system.team().await;
    let id = &team.workspace.id;
    for user in [&team.admin, &team.editor, &team.reviewer] {
        let answer = system.workspaces(&user.caller).delete_workspace(delete(id)).await;
        refused(answer, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    let answer = system.workspaces(&stranger.caller).delete_workspace(delete(id)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let mut client = system.workspaces(&team.owner.caller);
    refused(
        client.delete_workspace(delete(&unknown_workspace())).await,
        Reason::WorkspaceOutOfReach,
    );
    assert_eq!(invalid_fields(client.delete_workspace(delete("x")).await), ["workspace_id"]);
    let reading = system.key(&team.owner, Permission::ReadOnly);
    let answer = system.workspaces(&reading).delete_workspace(delete(id)).await;
    refused(answer, Reason::KeyReadOnly);
    let writing = system.key(&team.owner, Permission::ReadWrite);
    system.workspaces(&writing).delete_workspace(delete(id)).await.unwrap();
}
