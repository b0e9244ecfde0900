use chrono::TimeDelta;
use postbreeze_proto::{
    status::Reason,
    v1::{ListPostsRequest, ListPostsResponse, Platform, Post, PostStatus, PostTargetInput, Role},
};
use prost::Message as _;
use tonic::Status;

use crate::support::{
    Client, System, add_account, delete, draft, invalid_fields, read_only_key, refused, scheduled,
    target, violated_fields, workspace_of,
};

async fn list(client: &Client, request: ListPostsRequest) -> Result<ListPostsResponse, Status> {
    Ok(client.posts().list_posts(request).await?.into_inner())
}

fn ids(posts: &[Post]) -> Vec<&str> {
    posts.iter().map(|post| post.id.as_str()).collect()
}

#[tokio::test]
async fn list_posts_merges_every_workspace_in_reach_newest_first() {
    let system = System::start().await;
    let team = system.team().await;
    let (globex, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    stranger.session.create_post(draft("hidden", &foreign.id)).await.unwrap();
    let mut made = Vec::new();
    for n in 0..6 {
        system.clock.turn(TimeDelta::seconds(1));
        let account = if n % 2 == 0 { &team.account.id } else { &other.id };
        made.insert(0, team.owner.session.create_post(draft("x", account)).await.unwrap());
    }
    let all = list(&team.owner.session, ListPostsRequest::default()).await.unwrap();
    assert_eq!(all.posts, made);
    assert_eq!(all.next_page_token, "");
    assert_eq!(all.unreachable_count, 0);
    let of = |workspace_id: &str| ListPostsRequest {
        workspace_id: workspace_id.to_owned(),
        ..Default::default()
    };
    let one = list(&team.owner.session, of(&globex.id)).await.unwrap();
    assert_eq!(one.posts.len(), 3);
    assert!(one.posts.iter().all(|post| post.workspace_id == globex.id));
    let (_, scoped) = team.owner.scoped_key(&[&globex.id]).await.unwrap();
    assert_eq!(list(&scoped, ListPostsRequest::default()).await.unwrap().posts, one.posts);
    refused(list(&scoped, of(&team.workspace.id)).await, Reason::WorkspaceOutOfReach);
    let reading = read_only_key(&team.reviewer).await;
    for client in [&team.admin.session, &team.editor.session, &team.reviewer.session, &reading] {
        let seen = list(client, ListPostsRequest::default()).await.unwrap();
        assert_eq!(seen.posts.len(), 3);
        refused(list(client, of(&globex.id)).await, Reason::WorkspaceOutOfReach);
    }
    let nobody = system.sign_up("nobody").await;
    assert_eq!(list(&nobody.session, ListPostsRequest::default()).await.unwrap().posts, []);
}

#[tokio::test]
async fn list_posts_follows_the_membership_of_the_moment() {
    let system = System::start().await;
    let team = system.team().await;
    team.owner.session.create_post(draft("x", &team.account.id)).await.unwrap();
    let guest = system.sign_up("guest").await;
    let (_, key) = guest.full_key().await.unwrap();
    assert_eq!(list(&key, ListPostsRequest::default()).await.unwrap().posts.len(), 0);
    system.join(&team.owner, &team.workspace.id, &guest, Role::ClientReviewer).await;
    assert_eq!(list(&key, ListPostsRequest::default()).await.unwrap().posts.len(), 1);
}

#[tokio::test]
async fn list_posts_filters_by_status_platform_and_account() {
    let system = System::start().await;
    let team = system.team().await;
    let second = add_account(&system, &team.account, Platform::Bluesky).await;
    let client = &team.owner.session;
    let plain = client.create_post(draft("a", &team.account.id)).await.unwrap();
    let goes = client.create_post(scheduled(&system, "b", &second)).await.unwrap();
    let mut both = draft("c", &team.account.id);
    both.platforms.push(target(&second));
    let both = client.create_post(both).await.unwrap();
    let gone = client.create_post(draft("d", &second)).await.unwrap();
    delete(client, &gone.id).await.unwrap();
    let by = |statuses: &[PostStatus], platforms: &[Platform], account: &str| ListPostsRequest {
        status: statuses.iter().map(|status| (*status).into()).collect(),
        platform: platforms.iter().map(|platform| (*platform).into()).collect(),
        account_id: account.to_owned(),
        ..Default::default()
    };
    for (request, wanted) in [
        (by(&[], &[], ""), vec![&both, &goes, &plain]),
        (by(&[PostStatus::Draft], &[], ""), vec![&both, &plain]),
        (by(&[PostStatus::Scheduled, PostStatus::Failed], &[], ""), vec![&goes]),
        (by(&[PostStatus::Published], &[], ""), vec![]),
        (by(&[], &[Platform::Bluesky], ""), vec![&both, &goes]),
        (by(&[], &[Platform::Sandbox, Platform::X], ""), vec![&both, &plain]),
        (by(&[], &[], &second), vec![&both, &goes]),
        (by(&[PostStatus::Draft], &[Platform::Sandbox], &second), vec![&both]),
    ] {
        let wanted: Vec<_> = wanted.into_iter().map(|post| post.id.as_str()).collect();
        assert_eq!(ids(&list(client, request.clone()).await.unwrap().posts), wanted, "{request:?}");
    }
}

#[tokio::test]
async fn list_posts_takes_accounts_of_its_scope_alone() {
    let system = System::start().await;
    let team = system.team().await;
    let (globex, other) = workspace_of(&team.owner, "globex").await;
    let stranger = system.sign_up("stranger").await;
    let (_, foreign) = workspace_of(&stranger, "initech").await;
    let client = &team.owner.session;
    let of = |workspace_id: &str, account_id: &str| ListPostsRequest {
        workspace_id: workspace_id.to_owned(),
        account_id: account_id.to_owned(),
        ..Default::default()
    };
    list(client, of(&globex.id, &other.id)).await.unwrap();
    let status = refused(
        list(client, of(&team.workspace.id, &other.id)).await,
        Reason::AccountsSpanWorkspaces,
    );
    assert_eq!(violated_fields(&status), ["account_id"]);
    refused(list(client, of("", &foreign.id)).await, Reason::WorkspaceOutOfReach);
    let unknown = "soc_01jzzzzzzzfzzr0000000000zz";
    refused(list(client, of("", unknown)).await, Reason::ResourceNotFound);
}

#[tokio::test]
async fn list_posts_names_every_bad_field_at_once() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let request = ListPostsRequest {
        workspace_id: "x".to_owned(),
        page_size: -1,
        status: vec![0],
        platform: vec![99],
        account_id: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        invalid_fields(list(client, request).await),
        ["account_id", "page_size", "platform[0]", "status[0]", "workspace_id"]
    );
    let request = ListPostsRequest { page_token: "x".to_owned(), ..Default::default() };
    refused(list(client, request).await, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_posts_binds_its_tokens_to_user_and_filter() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    for _ in 0..3 {
        client.create_post(draft("x", &team.account.id)).await.unwrap();
    }
    let first = ListPostsRequest { page_size: 1, ..Default::default() };
    let page_token = list(client, first.clone()).await.unwrap().next_page_token;
    let next = ListPostsRequest { page_token, ..first };
    // The page size may change.
    let rest = list(client, ListPostsRequest { page_size: 9, ..next.clone() }).await.unwrap();
    assert_eq!(rest.posts.len(), 2);
    refused(list(&team.admin.session, next.clone()).await, Reason::PageTokenInvalid);
    let filtered = ListPostsRequest { status: vec![PostStatus::Draft.into()], ..next };
    refused(list(client, filtered).await, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_posts_of_large_posts_stays_a_message() {
    let system = System::start().await;
    let team = system.team().await;
    let client = &team.owner.session;
    let mut accounts = vec![team.account.id.clone()];
    for platform in [
        Platform::Instagram,
        Platform::X,
        Platform::Tiktok,
        Platform::Youtube,
        Platform::Pinterest,
        Platform::Threads,
        Platform::Bluesky,
        Platform::Mastodon,
    ] {
        accounts.push(add_account(&system, &team.account, platform).await);
    }
    let text = "👋".repeat(10_000);
    let mut made = Vec::new();
    for _ in 0..9 {
        let mut request = draft(&text, &team.account.id);
        request.platforms = accounts
            .iter()
            .map(|account| PostTargetInput {
                caption_override: Some(text.clone()),
                ..target(account)
            })
            .collect();
        made.insert(0, client.create_post(request).await.unwrap().id);
    }
    made.insert(0, client.create_post(draft("small", &team.account.id)).await.unwrap().id);
    let mut seen = Vec::new();
    let mut pages = 0;
    let mut request = ListPostsRequest { page_size: 200, ..Default::default() };
    loop {
        let page = list(client, request.clone()).await.unwrap();
        assert!(page.encoded_len() <= 2 * 1_024 * 1_024 + 4_096, "{}", page.encoded_len());
        seen.extend(page.posts.into_iter().map(|post| post.id));
        pages += 1;
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, made);
    assert_eq!(pages, 2);
}
