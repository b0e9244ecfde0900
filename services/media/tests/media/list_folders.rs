use postbreeze_proto::{status::Reason, v1::ListFoldersRequest};

use crate::support::{Client, System, folder, invalid_fields, owner, refused};

fn of(workspace_id: &str) -> ListFoldersRequest {
    ListFoldersRequest { workspace_id: workspace_id.to_owned(), ..Default::default() }
}

async fn ids(client: &Client, request: ListFoldersRequest) -> Vec<String> {
    let answer = client.media().list_folders(request).await.unwrap().into_inner();
    answer.folders.into_iter().map(|folder| folder.id).collect()
}

#[tokio::test]
async fn list_folders_shows_all_those_at_the_top_or_those_in_one_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let (client, id) = (&team.editor.session, &team.workspace.id);
    let other = client.create_workspace("Other").await.unwrap().id;
    let elsewhere = folder(client, &other, "").await.unwrap().id;
    let outer = folder(client, id, "").await.unwrap().id;
    let inner = folder(client, id, &outer).await.unwrap().id;
    let last = folder(client, id, "").await.unwrap().id;
    let within = async |place: Option<&str>| {
        let parent_folder_id = place.map(str::to_owned);
        let request = ListFoldersRequest { parent_folder_id, ..of(id) };
        ids(&team.reviewer.session, request).await
    };
    assert_eq!(within(None).await, [&last, &inner, &outer].map(String::as_str));
    assert_eq!(within(Some("")).await, [&last, &outer].map(String::as_str));
    assert_eq!(within(Some(&outer)).await, [inner.as_str()]);
    assert_eq!(within(Some(&inner)).await, Vec::<String>::new());
    let request = ListFoldersRequest { parent_folder_id: Some(elsewhere), ..of(id) };
    let answer = client.media().list_folders(request).await;
    assert_eq!(invalid_fields(answer), ["parent_folder_id"]);
    let stranger = system.sign_up("stranger").await;
    let foreign = stranger.session.media().list_folders(of(id)).await;
    refused(foreign, Reason::WorkspaceOutOfReach);
}

#[tokio::test]
async fn list_folders_pages_each_once() {
    let system = System::start().await;
    let (owner, id) = owner(&system).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.insert(0, folder(&owner.session, &id, "").await.unwrap().id);
    }
    let (mut seen, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFoldersRequest { page_size: 2, page_token, ..of(&id) };
        let page = owner.session.media().list_folders(request).await.unwrap().into_inner();
        seen.extend(page.folders.into_iter().map(|folder| folder.id));
        if page.next_page_token.is_empty() {
            break;
        }
        page_token = page.next_page_token;
    }
    assert_eq!(seen, made);
}
