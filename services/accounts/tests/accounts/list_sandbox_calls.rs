use postbreeze_ids::Account;
use postbreeze_proto::{
    status::Reason,
    v1::{ListSandboxCallsRequest, ListSandboxCallsResponse, SandboxCall, SandboxCallKind},
};
use tonic::Status;

use crate::support::{
    Client, System, commands, find, invalid_fields, post, publish, refused, sent, unknown,
    with_account,
};

async fn list(
    client: &Client,
    request: ListSandboxCallsRequest,
) -> Result<ListSandboxCallsResponse, Status> {
    Ok(commands(client).list_sandbox_calls(request).await?.into_inner())
}

fn of(account_id: &str) -> ListSandboxCallsRequest {
    ListSandboxCallsRequest { account_id: account_id.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn list_sandbox_calls_pages_newest_first_and_filters_by_kind() {
    let system = System::start().await;
    let (owner, account) = with_account(&system).await;
    let request = |n: usize| post(&system, &account.id, &format!("key-{n}"), "text");
    for n in 0..5 {
        sent(publish(&system, request(n)).await);
        find(&system, request(n)).await;
    }
    let (mut kinds, mut ids, mut page_token) = (Vec::new(), Vec::new(), String::new());
    loop {
        let asked = ListSandboxCallsRequest { page_size: 3, page_token, ..of(&account.id) };
        let page = list(&owner.session, asked).await.unwrap();
        assert!(page.calls.len() <= 3);
        kinds.extend(page.calls.iter().map(SandboxCall::kind));
        ids.extend(page.calls.into_iter().map(|call| call.id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    sorted.reverse();
    assert_eq!(ids, sorted);
    assert_eq!(kinds, [SandboxCallKind::Find, SandboxCallKind::Publish].repeat(5));
    let kind = SandboxCallKind::Publish.into();
    let page = ListSandboxCallsRequest { kind, page_size: 2, ..of(&account.id) };
    let published = list(&owner.session, page.clone()).await.unwrap();
    let keys: Vec<_> = published.calls.iter().map(|call| call.key.as_str()).collect();
    assert_eq!(keys, ["key-4", "key-3"]);
    let page_token = published.next_page_token;
    let unfiltered = ListSandboxCallsRequest { page_token, ..of(&account.id) };
    refused(list(&owner.session, unfiltered).await, Reason::PageTokenInvalid);
}

#[tokio::test]
async fn list_sandbox_calls_is_for_members_and_names_bad_fields() {
    let system = System::start().await;
    let team = system.team().await;
    for user in [&team.owner, &team.admin, &team.editor, &team.reviewer] {
        list(&user.session, of(&team.account.id)).await.unwrap();
    }
    let stranger = system.sign_up("stranger").await;
    let answer = list(&stranger.session, of(&team.account.id)).await;
    refused(answer, Reason::WorkspaceOutOfReach);
    let answer = list(&team.owner.session, of(&unknown::<Account>())).await;
    refused(answer, Reason::ResourceNotFound);
    let bad = ListSandboxCallsRequest { page_size: -1, kind: 99, ..of("junk") };
    let fields = invalid_fields(list(&team.owner.session, bad).await);
    assert_eq!(fields, ["account_id", "kind", "page_size"]);
}
