use postbreeze_ids::Workspace;
use postbreeze_proto::{
    status::Reason,
    v1::{
        AccountStatus, DisconnectSocialAccountRequest, ListSocialAccountsRequest,
        ListSocialAccountsResponse, Platform, Role,
    },
};
use tonic::Status;

use crate::support::{Client, System, User, invalid_fields, refused, unknown};

async fn list(
    client: &Client,
    request: ListSocialAccountsRequest,
) -> Result<ListSocialAccountsResponse, Status> {
    Ok(client.accounts().list_social_accounts(request).await?.into_inner())
}

async fn ids(client: &Client, request: ListSocialAccountsRequest) -> Vec<String> {
    let answer = list(client, request).await.unwrap();
    assert!(answer.unreachable.is_empty() && answer.next_page_token.is_empty());
    answer.accounts.into_iter().map(|account| account.id).collect()
}

/// The accounts of so many new workspaces, newest first, each with its workspace.
async fn connected(user: &User, count: usize) -> Vec<(String, String)> {
    let mut accounts = Vec::new();
    for n in 0..count {
        let id = user.session.create_workspace(&format!("n{n}")).await.unwrap().id;
        let account = user.session.connect(&id, "acme").await.unwrap();
        accounts.push((account.id, id));
    }
    accounts.sort();
    accounts.reverse();
    accounts
}

#[tokio::test]
async fn list_social_accounts_merges_every_workspace_in_reach_newest_first() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let own = connected(&ann, 3).await;
    let joined = connected(&bob, 2).await;
    system.join(&bob, &joined[0].1, &ann, Role::ClientReviewer).await;
    let mut expected: Vec<_> =
        own.iter().chain([&joined[0]]).map(|(account, _)| account.clone()).collect();
    expected.sort();
    expected.reverse();
    let everything = ListSocialAccountsRequest::default();
    assert_eq!(ids(&ann.session, everything.clone()).await, expected);
    let (_, scoped) = ann.scoped_key(&[&own[1].1]).await.unwrap();
    assert_eq!(ids(&scoped, everything.clone()).await, [own[1].0.clone()]);
    let nobody = system.sign_up("nobody").await;
    assert_eq!(ids(&nobody.session, everything).await, [""; 0]);
}

#[tokio::test]
async fn list_social_accounts_filters_by_workspace_platform_and_connection() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let own = connected(&ann, 3).await;
    let request =
        DisconnectSocialAccountRequest { account_id: own[1].0.clone(), ..Default::default() };
    ann.session.accounts().disconnect_social_account(request).await.unwrap();
    let all: Vec<_> = own.iter().map(|(account, _)| account.clone()).collect();
    let living = vec![all[0].clone(), all[2].clone()];
    let everything = ListSocialAccountsRequest::default();
    assert_eq!(ids(&ann.session, everything.clone()).await, living);
    let history = ListSocialAccountsRequest { include_disconnected: true, ..everything.clone() };
    assert_eq!(ids(&ann.session, history.clone()).await, all);
    let listed = list(&ann.session, history.clone()).await.unwrap().accounts;
    assert_eq!(listed[1].status(), AccountStatus::Disconnected);
    assert!(listed.iter().zip(&own).all(|(row, (_, workspace))| row.workspace_id == *workspace));
    let workspace_id = own[1].1.clone();
    let one =
        ListSocialAccountsRequest { workspace_id: workspace_id.clone(), ..everything.clone() };
    assert_eq!(ids(&ann.session, one).await, [""; 0]);
    let one = ListSocialAccountsRequest { workspace_id, ..history };
    assert_eq!(ids(&ann.session, one).await, [all[1].clone()]);
    for (platforms, found) in [
        (vec![Platform::Sandbox], living.clone()),
        (vec![Platform::X, Platform::Sandbox], living),
        (vec![Platform::X], Vec::new()),
    ] {
        let platform = platforms.into_iter().map(i32::from).collect();
        let request = ListSocialAccountsRequest { platform, ..everything.clone() };
        assert_eq!(ids(&ann.session, request).await, found);
    }
}

#[tokio::test]
async fn list_social_accounts_pages_show_each_once_whatever_is_connected_meanwhile() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let own = connected(&ann, 7).await;
    for (page_size, wanted) in [(1, 7), (3, 3), (7, 1)] {
        let (mut seen, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request = ListSocialAccountsRequest { page_size, page_token, ..Default::default() };
            let page = list(&ann.session, request).await.unwrap();
            assert!(page.accounts.len() <= usize::try_from(page_size).unwrap());
            seen.extend(page.accounts.into_iter().map(|account| account.id));
            page_token = page.next_page_token;
            pages += 1;
            if page_token.is_empty() {
                break;
            }
        }
        assert_eq!(seen, own.iter().map(|(account, _)| account.clone()).collect::<Vec<_>>());
        // No page is empty to say that there is none after it.
        assert_eq!(pages, wanted);
    }
    let first = ListSocialAccountsRequest { page_size: 3, ..Default::default() };
    let first = list(&ann.session, first).await.unwrap();
    connected(&ann, 2).await;
    let rest =
        ListSocialAccountsRequest { page_token: first.next_page_token, ..Default::default() };
    let rest = ids(&ann.session, rest).await;
    assert_eq!(rest, own[3..].iter().map(|(account, _)| account.clone()).collect::<Vec<_>>());
}

#[tokio::test]
async fn list_social_accounts_refuses_bad_fields_foreign_workspaces_and_foreign_tokens() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let own = connected(&ann, 2).await;
    let bad = ListSocialAccountsRequest {
        workspace_id: "junk".to_owned(),
        page_size: -1,
        platform: vec![99],
        ..Default::default()
    };
    let fields = invalid_fields(list(&ann.session, bad).await);
    assert_eq!(fields, ["page_size", "platform[0]", "workspace_id"]);
    for workspace_id in [own[0].1.clone(), unknown::<Workspace>()] {
        let request = ListSocialAccountsRequest { workspace_id, ..Default::default() };
        refused(list(&bob.session, request).await, Reason::WorkspaceOutOfReach);
    }
    let first = ListSocialAccountsRequest { page_size: 1, ..Default::default() };
    let page_token = list(&ann.session, first).await.unwrap().next_page_token;
    let next = ListSocialAccountsRequest { page_token, ..Default::default() };
    refused(list(&bob.session, next.clone()).await, Reason::PageTokenInvalid);
    let filtered = ListSocialAccountsRequest { include_disconnected: true, ..next };
    refused(list(&ann.session, filtered).await, Reason::PageTokenInvalid);
}
