use postbreeze_context::Caller;
use postbreeze_proto::{
    status::Reason,
    v1::{DeleteWorkspaceRequest, LeaveWorkspaceRequest, ListWorkspacesRequest, Role, Workspace},
};

use crate::support::{System, invalid_fields, refused, workspace_id};

async fn pages(system: &System, caller: &Caller, page_size: i32) -> Vec<Vec<Workspace>> {
    let (mut pages, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListWorkspacesRequest { page_size, page_token };
        let answer = system.workspaces(caller).list_workspaces(request).await.unwrap().into_inner();
        pages.push(answer.workspaces);
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return pages;
        }
    }
}

async fn slugs(system: &System, caller: &Caller) -> Vec<String> {
    let all = pages(system, caller, 0).await.concat();
    all.into_iter().map(|workspace| workspace.slug).collect()
}

#[tokio::test]
async fn list_workspaces_shows_own_and_joined_ones_oldest_first() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let mut expected = Vec::new();
    for (owner, name) in [(&ann, "one"), (&bob, "two"), (&ann, "three"), (&bob, "not mine")] {
        system.pass(chrono::TimeDelta::milliseconds(5));
        let workspace = system.create(owner, name).await;
        if name == "two" {
            system.join(&bob, &workspace.id, &ann, Role::Editor).await;
        }
        if name != "not mine" {
            expected.push((name.to_owned(), owner.id == ann.id));
        }
    }
    let all = pages(&system, &ann.caller, 0).await.concat();
    let shown: Vec<_> = all.iter().map(|row| (row.name.clone(), !row.joined)).collect();
    assert_eq!(shown, expected);
    assert_eq!(all[1].role(), Role::Editor);
    assert_eq!(all[1].owner_user_id, bob.id.to_string());
}

#[tokio::test]
async fn list_workspaces_pages_show_each_once_while_others_come_and_go() {
    let system = System::start().await;
    let ann = system.user("ann");
    let mut created = Vec::new();
    for n in 0..7 {
        created.push(system.create(&ann, &format!("n{n}")).await);
    }
    assert_eq!(
        pages(&system, &ann.caller, 3).await.iter().map(Vec::len).collect::<Vec<_>>(),
        [3, 3, 1]
    );
    assert_eq!(pages(&system, &ann.caller, 7).await.len(), 1);

    let mut client = system.workspaces(&ann.caller);
    let request = ListWorkspacesRequest { page_size: 3, ..Default::default() };
    let first = client.list_workspaces(request).await.unwrap().into_inner();
    let gone = DeleteWorkspaceRequest { workspace_id: created[4].id.clone() };
    client.delete_workspace(gone).await.unwrap();
    system.create(&ann, "late").await;
    let request = ListWorkspacesRequest { page_size: 200, page_token: first.next_page_token };
    let rest = client.list_workspaces(request).await.unwrap().into_inner();
    let names: Vec<_> = rest.workspaces.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["n3", "n5", "n6", "late"]);
    assert_eq!(rest.next_page_token, "");
}

#[tokio::test]
async fn list_workspaces_is_cut_to_the_scope_of_a_key_and_ends_with_membership() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let acme = system.create(&ann, "Acme").await;
    let globex = system.create(&bob, "Globex").await;
    system.join(&bob, &globex.id, &ann, Role::Editor).await;
    let ids = [workspace_id(&acme.id), workspace_id(&globex.id)];
    let narrow = system.scoped_key(&ann, &ids[1..]);
    assert_eq!(slugs(&system, &narrow).await, ["globex"]);
    // What is in the allow-list counts only as long as its owner is a member.
    let leave = LeaveWorkspaceRequest { workspace_id: globex.id };
    system.members(&ann.caller).leave_workspace(leave).await.unwrap();
    assert_eq!(slugs(&system, &narrow).await, [""; 0]);
    assert_eq!(slugs(&system, &ann.caller).await, ["acme"]);
    assert_eq!(slugs(&system, &system.user("eve").caller).await, [""; 0]);
}

#[tokio::test]
async fn list_workspaces_refuses_bad_page_sizes_and_tokens() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    for n in 0..2 {
        system.create(&ann, &format!("n{n}")).await;
    }
    let mut client = system.workspaces(&ann.caller);
    let request = ListWorkspacesRequest { page_size: -1, ..Default::default() };
    assert_eq!(invalid_fields(client.list_workspaces(request).await), ["page_size"]);
    let request = ListWorkspacesRequest { page_size: -1, page_token: "junk".to_owned() };
    assert_eq!(invalid_fields(client.list_workspaces(request).await), ["page_size", "page_token"]);
    let request = ListWorkspacesRequest { page_size: 1, ..Default::default() };
    let page_token = client.list_workspaces(request).await.unwrap().into_inner().next_page_token;
    let request = ListWorkspacesRequest { page_size: 1, page_token };
    let others = system.workspaces(&bob.caller).list_workspaces(request.clone()).await;
    refused(others, Reason::PageTokenInvalid);
    client.list_workspaces(request).await.unwrap();
}
