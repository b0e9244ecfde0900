use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{ChangeSubscriptionRequest, Entitlements, GetEntitlementsRequest, Plan},
};

use crate::support::{System, invalid_fields, refused, unknown_workspace, workspace_id};

fn of(workspace_id: &str) -> GetEntitlementsRequest {
    GetEntitlementsRequest { workspace_id: workspace_id.to_owned() }
}

#[tokio::test]
async fn get_entitlements_tells_the_owners_plan_whoever_asks() {
    let system = System::start().await;
    let team = system.team().await;
    for (user, plan) in [(&team.owner, Plan::Agency), (&team.editor, Plan::Enterprise)] {
        let request = ChangeSubscriptionRequest { plan: plan.into() };
        system.billing(&user.caller).change_subscription(request).await.unwrap();
    }
    let expected = Entitlements {
        workspace_id: team.workspace.id.clone(),
        plan: Plan::Agency.into(),
        posts_per_month: Some(3_000),
        media_bytes: Some(500 << 30),
        advanced_analytics: true,
        white_label: true,
    };
    let mine = workspace_id(&team.workspace.id);
    for caller in [
        team.owner.caller.clone(),
        team.admin.caller.clone(),
        team.editor.caller.clone(),
        team.reviewer.caller.clone(),
        system.key(&team.editor, Permission::ReadOnly),
        system.scoped_key(&team.editor, &[mine]),
    ] {
        let answer = system.billing(&caller).get_entitlements(of(&team.workspace.id)).await;
        assert_eq!(answer.unwrap().into_inner().entitlements, Some(expected.clone()));
    }
    // What a member pays for elsewhere does not count here, and the reverse.
    let own = system.create(&team.reviewer, "Own").await;
    let answer = system.billing(&team.reviewer.caller).get_entitlements(of(&own.id)).await;
    assert_eq!(answer.unwrap().into_inner().entitlements.unwrap().plan(), Plan::Free);
}

#[tokio::test]
async fn get_entitlements_refuses_what_is_out_of_reach_and_bad_ids() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let workspace = system.create(&ann, "Acme").await;
    for id in [workspace.id, unknown_workspace()] {
        let answer = system.billing(&bob.caller).get_entitlements(of(&id)).await;
        refused(answer, Reason::WorkspaceOutOfReach);
    }
    let answer = system.billing(&bob.caller).get_entitlements(of("")).await;
    assert_eq!(invalid_fields(answer), ["workspace_id"]);
}
