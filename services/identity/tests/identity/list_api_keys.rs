use postbreeze_ids::{Key, KeyId, UserId};
use postbreeze_proto::{
    status::Reason,
    v1::{ApiKey, ListApiKeysRequest, ListApiKeysResponse, RevokeApiKeyRequest, api_key::Access},
};
use tonic::Status;
use uuid::Uuid;

use crate::support::{System, User, get, invalid_fields, refused};

async fn list(user: &User, request: ListApiKeysRequest) -> Result<ListApiKeysResponse, Status> {
    Ok(user.session.keys().list_api_keys(request).await?.into_inner())
}

async fn keys(user: &User, count: usize) -> Vec<ApiKey> {
    let mut keys = Vec::new();
    for _ in 0..count {
        keys.insert(0, user.full_key().await.unwrap().0);
    }
    keys
}

#[tokio::test]
async fn list_api_keys_shows_the_callers_keys_newest_first_and_revoked_ones_on_request() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let all = keys(&ann, 3).await;
    keys(&bob, 1).await;
    assert_eq!(list(&ann, ListApiKeysRequest::default()).await.unwrap().api_keys, all);
    let request = RevokeApiKeyRequest { key_id: all[1].id.clone() };
    ann.session.keys().revoke_api_key(request).await.unwrap();
    let living = list(&ann, ListApiKeysRequest::default()).await.unwrap();
    assert_eq!(living.api_keys, [all[0].clone(), all[2].clone()]);
    let request = ListApiKeysRequest { include_revoked: true, ..Default::default() };
    let revoked = get(&ann, &all[1].id).await.unwrap();
    assert!(revoked.secrets.is_empty());
    let every = list(&ann, request).await.unwrap();
    assert_eq!(every.api_keys, [all[0].clone(), revoked, all[2].clone()]);
    assert_eq!(every.next_page_token, "");
}

#[tokio::test]
async fn list_api_keys_pages_show_each_once_whatever_is_made_meanwhile() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let all = keys(&ann, 5).await;
    let (mut seen, mut page_token, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let page =
            list(&ann, ListApiKeysRequest { page_size: 2, page_token, ..Default::default() });
        let page = page.await.unwrap();
        keys(&ann, 1).await;
        sizes.push(page.api_keys.len());
        seen.extend(page.api_keys);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    assert_eq!(seen, all);
    let whole = ListApiKeysRequest { page_size: 8, ..Default::default() };
    assert_eq!(list(&ann, whole).await.unwrap().next_page_token, "");
}

#[tokio::test]
async fn list_api_keys_names_a_bad_size_and_a_bad_token_at_once() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    keys(&ann, 2).await;
    let junk = |page_size| ListApiKeysRequest {
        page_size,
        page_token: "junk".to_owned(),
        ..Default::default()
    };
    assert_eq!(invalid_fields(list(&ann, junk(-1)).await), ["page_size", "page_token"]);
    refused(list(&ann, junk(1)).await, Reason::PageTokenInvalid);
    let first = ListApiKeysRequest { page_size: 1, ..Default::default() };
    let page_token = list(&ann, first).await.unwrap().next_page_token;
    let next = ListApiKeysRequest { page_token, ..Default::default() };
    refused(list(&bob, next.clone()).await, Reason::PageTokenInvalid);
    let filtered = ListApiKeysRequest { include_revoked: true, ..next.clone() };
    refused(list(&ann, filtered).await, Reason::PageTokenInvalid);
    list(&ann, next).await.unwrap();
}

#[tokio::test]
async fn list_api_keys_is_for_sessions() {
    let system = System::start().await;
    let (_, key) = system.sign_up("ann").await.full_key().await.unwrap();
    let answer = key.keys().list_api_keys(ListApiKeysRequest::default()).await;
    refused(answer, Reason::SessionRequired);
}

/// 150 keys with allow-lists of 1,000 entries are more than a client takes in one answer.
#[tokio::test]
async fn list_api_keys_with_long_allow_lists_gives_short_pages() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let user_id: UserId = ann.id().parse().unwrap();
    let minter = &system.environment.minter;
    let mut ids: Vec<Uuid> =
        (0..150).map(|_| minter.mint::<Key>(user_id.bucket()).uuid()).collect();
    ids.reverse();
    let keys = "
        INSERT INTO api_keys (bucket, id, user_id, display_name, scoped, read_only, create_time)
        SELECT $1, id, $2, 'key', TRUE, FALSE, $4
        FROM unnest($3::UUID[]) AS id";
    sqlx::query(keys)
        .bind(user_id.bucket().as_i16())
        .bind(user_id.uuid())
        .bind(&ids)
        .bind(system.clock.now())
        .execute(system.pool("identity"))
        .await
        .unwrap();
    let entries = "
        INSERT INTO api_key_workspaces (bucket, key_id, workspace_id)
        SELECT $1, id, gen_random_uuid()
        FROM unnest($2::UUID[]) AS id, generate_series(1, 1000)";
    sqlx::query(entries)
        .bind(user_id.bucket().as_i16())
        .bind(&ids)
        .execute(system.pool("identity"))
        .await
        .unwrap();
    let (mut seen, mut page_token, mut sizes) = (Vec::new(), String::new(), Vec::new());
    loop {
        let request = ListApiKeysRequest { page_size: 200, page_token, ..Default::default() };
        let page = list(&ann, request).await.unwrap();
        sizes.push(page.api_keys.len());
        for key in page.api_keys {
            let Some(Access::Scoped(scoped)) = key.access else { panic!("a key without a list") };
            assert_eq!(scoped.workspace_ids.len(), 1_000);
            seen.push(key.id.parse::<KeyId>().unwrap().uuid());
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [50, 50, 50]);
    assert_eq!(seen, ids);
}
