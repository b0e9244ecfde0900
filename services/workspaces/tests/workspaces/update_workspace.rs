use chrono::TimeDelta;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    time,
    v1::{UpdateWorkspaceRequest, Workspace},
};
use prost_types::FieldMask;

use crate::support::{System, Team, User, invalid_fields, refused, unknown_workspace};

fn mask(paths: &[&str]) -> FieldMask {
    FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() }
}

fn rename(team: &Team) -> UpdateWorkspaceRequest {
    UpdateWorkspaceRequest {
        workspace_id: team.workspace.id.clone(),
        name: "Renamed".to_owned(),
        ..Default::default()
    }
}

async fn update(
    system: &System,
    user: &User,
    request: UpdateWorkspaceRequest,
) -> Result<Workspace, tonic::Status> {
    let answer = system.workspaces(&user.caller).update_workspace(request).await?;
    Ok(answer.into_inner().workspace.unwrap())
}

#[tokio::test]
async fn update_workspace_changes_what_is_set_and_nothing_else() {
    let system = System::start().await;
    let team = system.team().await;
    system.pass(TimeDelta::seconds(9));
    let updated = update(&system, &team.owner, rename(&team)).await.unwrap();
    let update_time = Some(time::to_proto(system.now()));
    let expected = Workspace { name: "Renamed".to_owned(), update_time, ..team.workspace.clone() };
    assert_eq!(updated, expected);
    let read = system.get(&team.owner.caller, &team.workspace.id).await.unwrap().into_inner();
    assert_eq!(read.workspace.unwrap(), expected);

    let request = UpdateWorkspaceRequest {
        workspace_id: team.workspace.id.clone(),
        timezone: "Asia/Tokyo".to_owned(),
        brand_color: "#123456".to_owned(),
        logo_url: "https://example.com/l".to_owned(),
        require_approval: Some(true),
        ..Default::default()
    };
    let updated = update(&system, &team.admin, request).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.timezone.as_str()), ("Renamed", "Asia/Tokyo"));
    assert!(updated.require_approval && updated.joined);
    let nothing =
        UpdateWorkspaceRequest { workspace_id: team.workspace.id.clone(), ..Default::default() };
    system.pass(TimeDelta::seconds(9));
    assert_eq!(update(&system, &team.admin, nothing).await.unwrap(), updated);
}

#[tokio::test]
async fn update_workspace_clears_what_the_mask_names_and_leaves_the_rest() {
    let system = System::start().await;
    let team = system.team().await;
    let request = UpdateWorkspaceRequest {
        timezone: "Asia/Tokyo".to_owned(),
        brand_color: "#123456".to_owned(),
        logo_url: "https://example.com/l".to_owned(),
        require_approval: Some(true),
        ..rename(&team)
    };
    update(&system, &team.owner, request).await.unwrap();
    let request = UpdateWorkspaceRequest {
        update_mask: Some(mask(&["timezone", "brand_color", "require_approval"])),
        name: "not named in the mask".to_owned(),
        workspace_id: team.workspace.id.clone(),
        ..Default::default()
    };
    let updated = update(&system, &team.owner, request).await.unwrap();
    assert_eq!((updated.timezone.as_str(), updated.brand_color.as_str()), ("UTC", ""));
    assert_eq!(
        (updated.name.as_str(), updated.logo_url.as_str()),
        ("Renamed", "https://example.com/l")
    );
    assert!(!updated.require_approval);
}

#[tokio::test]
async fn update_workspace_names_every_bad_field_and_keeps_the_slug() {
    let system = System::start().await;
    let team = system.team().await;
    let request = UpdateWorkspaceRequest {
        workspace_id: "junk".to_owned(),
        name: "x".repeat(81),
        timezone: "Nowhere".to_owned(),
        brand_color: "#12345".to_owned(),
        logo_url: "ftp://x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(update(&system, &team.owner, request).await),
        ["brand_color", "logo_url", "name", "timezone", "workspace_id"]
    );
    for path in ["slug", "id", "", "*"] {
        let request =
            UpdateWorkspaceRequest { update_mask: Some(mask(&["name", path])), ..rename(&team) };
        let fields = invalid_fields(update(&system, &team.owner, request).await);
        assert_eq!(fields, ["update_mask"]);
    }
    for paths in [vec!["slug"; 20], vec!["name"; 21]] {
        let request = UpdateWorkspaceRequest { update_mask: Some(mask(&paths)), ..rename(&team) };
        assert_eq!(invalid_fields(update(&system, &team.owner, request).await), ["update_mask"]);
    }
    let request = UpdateWorkspaceRequest {
        update_mask: Some(mask(&["name"])),
        name: String::new(),
        ..rename(&team)
    };
    assert_eq!(invalid_fields(update(&system, &team.owner, request).await), ["name"]);
}

#[tokio::test]
async fn update_workspace_is_for_owners_and_admins() {
    let system = System::start().await;
    let team = system.team().await;
    for user in [&team.owner, &team.admin] {
        update(&system, user, rename(&team)).await.unwrap();
    }
    for user in [&team.editor, &team.reviewer] {
        refused(update(&system, user, rename(&team)).await, Reason::RoleInsufficient);
    }
    let stranger = system.user("stranger");
    refused(update(&system, &stranger, rename(&team)).await, Reason::WorkspaceOutOfReach);
    let unknown = UpdateWorkspaceRequest { workspace_id: unknown_workspace(), ..rename(&team) };
    refused(update(&system, &team.owner, unknown).await, Reason::WorkspaceOutOfReach);
    let reading = system.key(&team.owner, Permission::ReadOnly);
    let answer = system.workspaces(&reading).update_workspace(rename(&team)).await;
    refused(answer, Reason::KeyReadOnly);
    let writing = system.key(&team.admin, Permission::ReadWrite);
    system.workspaces(&writing).update_workspace(rename(&team)).await.unwrap();
}
