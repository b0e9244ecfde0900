use postbreeze_context::Permission;
use postbreeze_proto::{status::Reason, v1::Role};

use crate::support::{System, invalid_fields, refused, unknown_workspace, workspace_id};

#[tokio::test]
async fn get_workspace_shows_each_member_their_role() {
    let system = System::start().await;
    let team = system.team().await;
    for (user, role) in [
        (&team.owner, Role::Owner),
        (&team.admin, Role::Admin),
        (&team.editor, Role::Editor),
        (&team.reviewer, Role::ClientReviewer),
    ] {
        let answer = system.get(&user.caller, &team.workspace.id).await.unwrap().into_inner();
        let workspace = answer.workspace.unwrap();
        assert_eq!(workspace.role(), role);
        assert_eq!(workspace.joined, role != Role::Owner);
        assert_eq!(workspace.owner_user_id, team.owner.id.to_string());
        assert_eq!(workspace.slug, "acme");
    }
}

#[tokio::test]
async fn get_workspace_hides_those_of_others_and_those_that_never_were_alike() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let workspace = system.create(&ann, "Acme").await;
    let foreign =
        refused(system.get(&bob.caller, &workspace.id).await, Reason::WorkspaceOutOfReach);
    let unknown =
        refused(system.get(&bob.caller, &unknown_workspace()).await, Reason::WorkspaceOutOfReach);
    assert_eq!(foreign.message(), unknown.message());
}

#[tokio::test]
async fn get_workspace_wants_an_id_of_a_workspace() {
    let system = System::start().await;
    let ann = system.user("ann");
    for id in ["", "wsp_", "nonsense", &ann.id.to_string()] {
        assert_eq!(invalid_fields(system.get(&ann.caller, id).await), ["workspace_id"]);
    }
}

#[tokio::test]
async fn get_workspace_answers_read_only_keys_and_scoped_keys_within_their_scope() {
    let system = System::start().await;
    let ann = system.user("ann");
    let acme = system.create(&ann, "Acme").await;
    let globex = system.create(&ann, "Globex").await;
    let reading = system.key(&ann, Permission::ReadOnly);
    system.get(&reading, &acme.id).await.unwrap();
    let scoped = system.scoped_key(&ann, &[workspace_id(&acme.id)]);
    system.get(&scoped, &acme.id).await.unwrap();
    refused(system.get(&scoped, &globex.id).await, Reason::WorkspaceOutOfReach);
}
