use futures_util::future::join_all;
use postbreeze_context::Permission;
use postbreeze_proto::{
    status::Reason,
    v1::{CreateWorkspaceRequest, Role, Workspace},
};

use crate::support::{System, invalid_fields, refused, workspace_id};

fn named(name: &str) -> CreateWorkspaceRequest {
    CreateWorkspaceRequest { name: name.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn create_workspace_answers_what_was_given_and_makes_the_caller_owner() {
    let system = System::start().await;
    let ann = system.user("ann");
    let request = CreateWorkspaceRequest {
        name: "Acme".to_owned(),
        slug: "acme-eu".to_owned(),
        timezone: "Europe/Berlin".to_owned(),
        brand_color: "#00ffAA".to_owned(),
        logo_url: "https://cdn.example.com/acme.png".to_owned(),
        require_approval: true,
        request_id: String::new(),
    };
    let answer = system.workspaces(&ann.caller).create_workspace(request).await.unwrap();
    let workspace = answer.into_inner().workspace.unwrap();
    let now = Some(postbreeze_proto::time::to_proto(system.now()));
    assert_eq!(
        workspace,
        Workspace {
            id: workspace.id.clone(),
            name: "Acme".to_owned(),
            slug: "acme-eu".to_owned(),
            timezone: "Europe/Berlin".to_owned(),
            brand_color: "#00ffAA".to_owned(),
            logo_url: "https://cdn.example.com/acme.png".to_owned(),
            require_approval: true,
            owner_user_id: ann.id.to_string(),
            role: Role::Owner.into(),
            joined: false,
            create_time: now,
            update_time: now,
        }
    );
    assert_eq!(workspace_id(&workspace.id).bucket(), ann.id.bucket());
    let read = system.get(&ann.caller, &workspace.id).await.unwrap().into_inner();
    assert_eq!(read.workspace, Some(workspace));
}

#[tokio::test]
async fn create_workspace_fills_in_what_was_left_out() {
    let system = System::start().await;
    let ann = system.user("ann");
    let workspace = system.create(&ann, "Joe's Café").await;
    assert_eq!((workspace.slug.as_str(), workspace.timezone.as_str()), ("joes-cafe", "UTC"));
    assert_eq!((workspace.brand_color.as_str(), workspace.logo_url.as_str()), ("", ""));
    assert!(!workspace.require_approval);
    assert_eq!(system.create(&ann, "東京").await.slug, "workspace");
    assert_eq!(system.create(&ann, "東京").await.slug, "workspace-2");
}

#[tokio::test]
async fn create_workspace_refuses_a_taken_slug_also_of_a_deleted_workspace_and_of_another_user() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let workspace = system.create(&ann, "Acme").await;
    let given = || CreateWorkspaceRequest { slug: "acme".to_owned(), ..named("Other") };
    let mut client = system.workspaces(&bob.caller);
    refused(client.create_workspace(given()).await, Reason::SlugTaken);
    let delete = postbreeze_proto::v1::DeleteWorkspaceRequest { workspace_id: workspace.id };
    system.workspaces(&ann.caller).delete_workspace(delete).await.unwrap();
    refused(client.create_workspace(given()).await, Reason::SlugTaken);
    assert_eq!(system.create(&bob, "Acme").await.slug, "acme-2");
}

#[tokio::test]
async fn create_workspace_derives_different_slugs_for_many_of_one_name_at_once() {
    let system = System::start().await;
    let users: Vec<_> = (0..12).map(|n| system.user(&format!("user{n}"))).collect();
    let name = "ß".repeat(80);
    let created = join_all(users.iter().map(|user| system.create(user, &name))).await;
    let mut slugs: Vec<_> = created.into_iter().map(|workspace| workspace.slug).collect();
    assert!(slugs.iter().all(|slug| slug.len() <= 63 && slug.starts_with("ssss")));
    slugs.sort();
    slugs.dedup();
    assert_eq!(slugs.len(), 12);
}

#[tokio::test]
async fn create_workspace_gives_one_slug_to_one_of_many_who_ask_at_once() {
    let system = System::start().await;
    let users: Vec<_> = (0..8).map(|n| system.user(&format!("user{n}"))).collect();
    let answers = join_all(users.iter().map(|user| {
        let mut client = system.workspaces(&user.caller);
        let request = CreateWorkspaceRequest { slug: "acme".to_owned(), ..named("Acme") };
        async move { client.create_workspace(request).await }
    }))
    .await;
    let (given, refusals): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    assert_eq!(given.len(), 1);
    for refusal in refusals {
        refused(refusal, Reason::SlugTaken);
    }
}

#[tokio::test]
async fn create_workspace_names_every_bad_field() {
    let system = System::start().await;
    let ann = system.user("ann");
    let request = CreateWorkspaceRequest {
        name: "x".repeat(81),
        slug: "No Slug".to_owned(),
        timezone: "Mars/Olympus".to_owned(),
        brand_color: "red".to_owned(),
        logo_url: "http://cdn.example.com/x".to_owned(),
        require_approval: false,
        request_id: "r".repeat(65),
    };
    let mut client = system.workspaces(&ann.caller);
    assert_eq!(
        invalid_fields(client.create_workspace(request).await),
        ["brand_color", "logo_url", "name", "request_id", "slug", "timezone"]
    );
    assert_eq!(invalid_fields(client.create_workspace(named("")).await), ["name"]);
    assert_eq!(invalid_fields(client.create_workspace(named("a\0b")).await), ["name"]);
    let long = format!("https://example.com/{}", "x".repeat(2_048));
    let request = CreateWorkspaceRequest { logo_url: long, ..named("Acme") };
    assert_eq!(invalid_fields(client.create_workspace(request).await), ["logo_url"]);
    assert_eq!(system.create(&ann, &"é".repeat(80)).await.slug, "e".repeat(63));
}

#[tokio::test]
async fn create_workspace_is_for_sessions_and_full_access_keys_that_may_write() {
    let system = System::start().await;
    let ann = system.user("ann");
    let mine = workspace_id(&system.create(&ann, "Mine").await.id);
    let full = system.key(&ann, Permission::ReadWrite);
    system.workspaces(&full).create_workspace(named("By key")).await.unwrap();
    let scoped = system.scoped_key(&ann, &[mine]);
    refused(system.workspaces(&scoped).create_workspace(named("")).await, Reason::ScopedKey);
    let reading = system.key(&ann, Permission::ReadOnly);
    let mut client = system.workspaces(&reading);
    refused(client.create_workspace(named("Acme")).await, Reason::KeyReadOnly);
    assert_eq!(invalid_fields(client.create_workspace(named("")).await), ["name"]);
}

#[tokio::test]
async fn create_workspace_replays_the_first_answer_and_refuses_another_body() {
    let system = System::start().await;
    let (ann, bob) = (system.user("ann"), system.user("bob"));
    let request = |name: &str| CreateWorkspaceRequest {
        slug: "acme".to_owned(),
        request_id: "once".to_owned(),
        ..named(name)
    };
    let mut client = system.workspaces(&ann.caller);
    let first = client.create_workspace(request("Acme")).await.unwrap().into_inner();
    let again = client.create_workspace(request("Acme")).await.unwrap().into_inner();
    assert_eq!(first, again);
    refused(client.create_workspace(request("Other")).await, Reason::RequestIdReused);
    // Another user's request_id is another one.
    let mut others = system.workspaces(&bob.caller);
    refused(others.create_workspace(request("Acme")).await, Reason::SlugTaken);
    // After a day it is a new request.
    system.pass(chrono::TimeDelta::hours(24));
    refused(client.create_workspace(request("Acme")).await, Reason::SlugTaken);
}

#[tokio::test]
async fn create_workspace_makes_one_of_many_twins() {
    let system = System::start().await;
    let ann = system.user("ann");
    let request = CreateWorkspaceRequest { request_id: "once".to_owned(), ..named("Acme") };
    let answers = join_all((0..8).map(|_| {
        let (mut client, request) = (system.workspaces(&ann.caller), request.clone());
        async move { client.create_workspace(request).await.unwrap().into_inner() }
    }))
    .await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let mut client = system.workspaces(&ann.caller);
    let listed = client.list_workspaces(postbreeze_proto::v1::ListWorkspacesRequest::default());
    assert_eq!(listed.await.unwrap().into_inner().workspaces.len(), 1);
}
