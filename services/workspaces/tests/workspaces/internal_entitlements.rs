//! `GetWorkspaceEntitlements` and `GetOwnerEntitlements`.

use postbreeze_proto::{
    internal::v1::{
        GetOwnerEntitlementsRequest, GetWorkspaceEntitlementsRequest, OwnerEntitlements,
    },
    status::Reason,
    v1::{ChangeSubscriptionRequest, CreateWorkspaceRequest, DeleteWorkspaceRequest, Plan},
};

use crate::support::{System, invalid_fields, refused, unknown_workspace};

#[tokio::test]
async fn get_workspace_entitlements_tells_owner_plan_and_approval() {
    let system = System::start().await;
    let ann = system.user("ann");
    let request = CreateWorkspaceRequest {
        name: "Acme".to_owned(),
        require_approval: true,
        ..Default::default()
    };
    let created = system.workspaces(&ann.caller).create_workspace(request).await.unwrap();
    let id = created.into_inner().workspace.unwrap().id;
    let request = ChangeSubscriptionRequest { plan: Plan::Enterprise.into() };
    system.billing(&ann.caller).change_subscription(request).await.unwrap();

    let of = |id: &str| GetWorkspaceEntitlementsRequest { workspace_id: id.to_owned() };
    let mut client = system.entitlements();
    let answer = client.get_workspace_entitlements(of(&id)).await.unwrap().into_inner();
    assert!(answer.require_approval);
    let entitlements = OwnerEntitlements {
        owner_user_id: ann.id.to_string(),
        plan: Plan::Enterprise.into(),
        posts_per_month: None,
        media_bytes: None,
    };
    assert_eq!(answer.entitlements, Some(entitlements.clone()));
    let request = GetOwnerEntitlementsRequest { user_id: ann.id.to_string() };
    let answer = client.get_owner_entitlements(request).await.unwrap().into_inner();
    assert_eq!(answer.entitlements, Some(entitlements));

    let delete = DeleteWorkspaceRequest { workspace_id: id.clone() };
    system.workspaces(&ann.caller).delete_workspace(delete).await.unwrap();
    for gone in [id, unknown_workspace()] {
        let answer = client.get_workspace_entitlements(of(&gone)).await;
        refused(answer, Reason::ResourceNotFound);
    }
    let answer = client.get_workspace_entitlements(of("x")).await;
    assert_eq!(invalid_fields(answer), ["workspace_id"]);
}

#[tokio::test]
async fn get_owner_entitlements_of_one_who_never_chose_are_those_of_free() {
    let system = System::start().await;
    let ann = system.user("ann");
    let mut client = system.entitlements();
    let request = GetOwnerEntitlementsRequest { user_id: ann.id.to_string() };
    let answer = client.get_owner_entitlements(request).await.unwrap().into_inner();
    let entitlements = answer.entitlements.unwrap();
    assert_eq!(entitlements.plan(), Plan::Free);
    assert_eq!((entitlements.posts_per_month, entitlements.media_bytes), (Some(20), Some(1 << 30)));
    let request = GetOwnerEntitlementsRequest { user_id: String::new() };
    assert_eq!(invalid_fields(client.get_owner_entitlements(request).await), ["user_id"]);
}
