use futures_util::future::join_all;
use postbreeze_ids::Folder as FolderOfId;
use postbreeze_proto::{
    status::Reason,
    time::to_proto,
    v1::{CreateFolderRequest, Folder},
};
use tonic::Status;

use crate::support::{Client, System, folder, invalid_fields, owner, refused, unknown};

async fn create(client: &Client, request: CreateFolderRequest) -> Result<Folder, Status> {
    Ok(client.media().create_folder(request).await?.into_inner().folder.unwrap())
}

fn named(workspace_id: &str, name: &str) -> CreateFolderRequest {
    CreateFolderRequest {
        workspace_id: workspace_id.to_owned(),
        name: name.to_owned(),
        ..Default::default()
    }
}

#[tokio::test]
async fn create_folder_makes_folders_in_folders_whose_names_need_not_be_unique() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let outer = create(&owner.session, named(&id, "Été – 2026")).await.unwrap();
    assert_eq!((outer.name.as_str(), outer.parent_folder_id.as_str()), ("Été – 2026", ""));
    assert_eq!((&outer.workspace_id, outer.create_time), (&id, Some(to_proto(system.clock.now()))));
    let request =
        CreateFolderRequest { parent_folder_id: outer.id.clone(), ..named(&id, "Été – 2026") };
    let inner = create(&owner.session, request).await.unwrap();
    assert_eq!(inner.parent_folder_id, outer.id);
}

#[tokio::test]
async fn folders_nest_twenty_levels_and_no_deeper() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let mut parent = String::new();
    for _ in 0..20 {
        parent = folder(&owner.session, &id, &parent).await.unwrap().id;
    }
    let deeper = folder(&owner.session, &id, &parent).await;
    assert_eq!(invalid_fields(deeper), ["parent_folder_id"]);
}

#[tokio::test]
async fn create_folder_names_every_bad_field_at_once() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let bad = CreateFolderRequest {
        workspace_id: "x".to_owned(),
        name: "x".repeat(121),
        parent_folder_id: id.clone(),
        request_id: "x".repeat(65),
    };
    assert_eq!(
        invalid_fields(create(&owner.session, bad).await),
        ["name", "parent_folder_id", "request_id", "workspace_id"]
    );
    for name in ["", "\0", "a/b", "a\\b", "a\nb", "a\u{202e}b"] {
        assert_eq!(invalid_fields(create(&owner.session, named(&id, name)).await), ["name"]);
    }
}

#[tokio::test]
async fn a_parent_must_be_there_within_reach_and_of_the_workspace() {
    let system = System::start().await;
    let team = system.team().await;
    let (client, id) = (&team.editor.session, &team.workspace.id);
    let other = client.create_workspace("Other").await.unwrap().id;
    let elsewhere = folder(client, &other, "").await.unwrap().id;
    let stranger = system.sign_up("stranger").await;
    let theirs = stranger.session.create_workspace("Globex").await.unwrap().id;
    let foreign = folder(&stranger.session, &theirs, "").await.unwrap().id;
    assert_eq!(invalid_fields(folder(client, id, &elsewhere).await), ["parent_folder_id"]);
    refused(folder(client, id, &foreign).await, Reason::WorkspaceOutOfReach);
    refused(folder(client, id, &unknown::<FolderOfId>()).await, Reason::ResourceNotFound);
    refused(folder(client, &theirs, "").await, Reason::WorkspaceOutOfReach);
    refused(folder(&team.reviewer.session, id, "").await, Reason::RoleInsufficient);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_makes_one_folder() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let request = CreateFolderRequest { request_id: "once".to_owned(), ..named(&id, "One") };
    let answers = join_all((0..8).map(|_| create(&owner.session, request.clone()))).await;
    let answers: Vec<_> = answers.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    let other = CreateFolderRequest { request_id: "once".to_owned(), ..named(&id, "Other") };
    refused(create(&owner.session, other).await, Reason::RequestIdReused);
}
