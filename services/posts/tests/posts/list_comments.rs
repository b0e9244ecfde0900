use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{ListCommentsRequest, ListCommentsResponse, Platform, Role},
};
use prost::Message as _;
use tonic::Status;

use crate::support::{
    Client, NewComment, System, add_comment, invalid_fields, read_only_key, refused, workspace_of,
};

async fn list(
    client: &Client,
    request: ListCommentsRequest,
) -> Result<ListCommentsResponse, Status> {
    Ok(client.comments().list_comments(request).await?.into_inner())
}

fn ids(page: ListCommentsResponse) -> Vec<String> {
    page.comments.into_iter().map(|comment| comment.id).collect()
}

#[tokio::test]
async fn list_comments_merges_every_workspace_in_reach_newest_first_by_the_networks_time() {
    let system = System::start().await;
    let team = system.team().await;
    let (globex, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    add_comment(&system, &foreign, NewComment::at(system.clock.now())).await;
    let mut written = Vec::new();
    // Fetched in another order than they were written.
    for (n, minutes) in [5_i64, 1, 4, 2, 3, 3].into_iter().enumerate() {
        let at = system.clock.now() - TimeDelta::minutes(minutes);
        let account = if n % 2 == 0 { &team.account } else { &other };
        written.push((at, add_comment(&system, account, NewComment::at(at)).await));
    }
    written.sort();
    written.reverse();
    let wanted: Vec<_> = written.into_iter().map(|(_, id)| id).collect();
    let all = list(&team.owner.session, ListCommentsRequest::default()).await.unwrap();
    assert_eq!(ids(all), wanted);
    let of = ListCommentsRequest { workspace_id: globex.id.clone(), ..Default::default() };
    let one = list(&team.owner.session, of.clone()).await.unwrap();
    assert!(one.comments.iter().all(|comment| comment.workspace_id == globex.id));
    assert_eq!(one.comments.len(), 3);
    let reading = read_only_key(&team.reviewer).await;
    for client in [&team.admin.session, &team.editor.session, &team.reviewer.session, &reading] {
        let seen = list(client, ListCommentsRequest::default()).await.unwrap();
        assert_eq!(seen.comments.len(), 3);
        refused(list(client, of.clone()).await, Reason::WorkspaceOutOfReach);
    }
    system.join(&stranger, &foreign.workspace_id, &team.reviewer, Role::Editor).await;
    let seen = list(&team.reviewer.session, ListCommentsRequest::default()).await.unwrap();
    assert_eq!(seen.comments.len(), 4);
}

#[tokio::test]
async fn list_comments_filters_by_platform_and_unread() {
    let system = System::start().await;
    let team = system.team().await;
    let mut made = Vec::new();
    for (platform, read) in [
        (Platform::Sandbox, true),
        (Platform::X, false),
        (Platform::X, true),
        (Platform::Sandbox, false),
    ] {
        system.clock.turn(TimeDelta::seconds(1));
        let comment = NewComment { platform, read, ..NewComment::at(system.clock.now()) };
        made.push(add_comment(&system, &team.account, comment).await);
    }
    let by = |platforms: &[Platform], unread| ListCommentsRequest {
        platform: platforms.iter().map(|platform| (*platform).into()).collect(),
        unread,
        ..Default::default()
    };
    for (request, wanted) in [
        (by(&[], None), vec![3, 2, 1, 0]),
        (by(&[], Some(true)), vec![3, 1]),
        (by(&[], Some(false)), vec![2, 0]),
        (by(&[Platform::X], None), vec![2, 1]),
        (by(&[Platform::X, Platform::Bluesky], Some(true)), vec![1]),
        (by(&[Platform::Bluesky], None), vec![]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().map(|n: usize| made[n].clone()).collect();
        assert_eq!(ids(list(&team.owner.session, request).await.unwrap()), wanted);
    }
}

#[tokio::test]
async fn list_comments_pages_over_many_workspaces_exactly() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let mut accounts = Vec::new();
    for n in 0..5 {
        accounts.push(workspace_of(&ann, &format!("n{n}")).await.1);
    }
    let mut written = Vec::new();
    let start = system.clock.now() - TimeDelta::days(1);
    // Most in one, some with the same time, none in the last.
    for n in 0..60_i64 {
        let account = &accounts[usize::try_from(if n % 3 == 0 { n % 4 } else { 0 }).unwrap()];
        let at = start + TimeDelta::minutes(n * 7 % 20);
        written.push((at, add_comment(&system, account, NewComment::at(at)).await));
    }
    written.sort();
    written.reverse();
    let wanted: Vec<_> = written.into_iter().map(|(_, id)| id).collect();
    for page_size in [1, 2, 7, 50, 200] {
        let mut seen = Vec::new();
        let mut request = ListCommentsRequest { page_size, ..Default::default() };
        loop {
            let page = list(&ann.session, request.clone()).await.unwrap();
            request.page_token = page.next_page_token.clone();
            seen.extend(ids(page));
            // One that comes meanwhile is newer than every page that is still to come.
            if seen.len() == 4 {
                let late = NewComment::at(system.clock.now());
                add_comment(&system, &accounts[4], late).await;
            }
            if request.page_token.is_empty() {
                break;
            }
        }
        seen.retain(|id| wanted.contains(id));
        assert_eq!(seen, wanted, "pages of {page_size}");
    }
}

#[tokio::test]
async fn list_comments_of_large_comments_stays_a_message() {
    let system = System::start().await;
    let team = system.team().await;
    let mut wanted = Vec::new();
    for _ in 0..9 {
        system.clock.turn(TimeDelta::seconds(1));
        let body = "x".repeat(700_000);
        let comment = NewComment { body, ..NewComment::at(system.clock.now()) };
        wanted.insert(0, add_comment(&system, &team.account, comment).await);
    }
    let mut seen = Vec::new();
    let mut request = ListCommentsRequest::default();
    loop {
        let page = list(&team.owner.session, request.clone()).await.unwrap();
        assert!(page.encoded_len() <= 2 * 1_024 * 1_024 + 4_096);
        request.page_token = page.next_page_token.clone();
        seen.extend(ids(page));
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, wanted);
}

#[tokio::test]
async fn list_comments_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = ListCommentsRequest {
        workspace_id: "x".to_owned(),
        page_size: -1,
        platform: vec![0, 99],
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(list(client, request).await),
        ["page_size", "platform[0]", "platform[1]", "workspace_id"]
    );
    let request = ListCommentsRequest { page_token: "x".to_owned(), ..Default::default() };
    refused(list(client, request).await, Reason::PageTokenInvalid);
}
