use postbreeze_context::{Caller, Permission};
use postbreeze_proto::{
    internal::v1::GetReachRequest,
    status::Reason,
    v1::{DeleteWorkspaceRequest, Role},
};

use crate::support::{System, refused, workspace_id};

async fn reach(system: &System, caller: &Caller) -> Vec<(Vec<u8>, Role)> {
    let answer = system.reach(caller).get_reach(GetReachRequest {}).await.unwrap().into_inner();
    answer.memberships.into_iter().map(|one| (one.workspace_id.clone(), one.role())).collect()
}

#[tokio::test]
async fn get_reach_tells_the_living_workspaces_of_the_caller_in_id_order() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let mut expected = Vec::new();
    for n in 0..5 {
        let workspace = system.create(&ann, &format!("n{n}")).await;
        expected.push((workspace_id(&workspace.id), Role::Owner));
    }
    let joined = system.create(&bob, "joined").await;
    system.join(&bob, &joined.id, &ann, Role::ClientReviewer).await;
    expected.push((workspace_id(&joined.id), Role::ClientReviewer));
    let deleted = expected.remove(2).0;
    let request = DeleteWorkspaceRequest { workspace_id: deleted.to_string() };
    system.workspaces(&ann.caller).delete_workspace(request).await.unwrap();
    expected.sort();
    let expected: Vec<_> =
        expected.into_iter().map(|(id, role)| (id.uuid().as_bytes().to_vec(), role)).collect();
    assert_eq!(reach(&system, &ann.caller).await, expected);
    // The allow-list of a key is not this service's.
    assert_eq!(reach(&system, &system.scoped_key(&ann, &[])).await, expected);
    assert_eq!(reach(&system, &system.key(&ann, Permission::ReadOnly)).await, expected);
    assert_eq!(reach(&system, &system.user("eve").caller).await, []);
}

#[tokio::test]
async fn get_reach_needs_a_user() {
    let system = System::start().await;
    let caller = Caller::System { service: "aggregator".to_owned() };
    let answer = system.reach(&caller).get_reach(GetReachRequest {}).await;
    refused(answer, Reason::CredentialInvalid);
}
