use chrono::TimeDelta;
use postbreeze_context::credential::{CredentialKind, mint};
use postbreeze_ids::{UserId, Workspace};
use postbreeze_proto::{
    status::Reason,
    v1::{
        AccessMode, CreateApiKeyRequest, KeyPermission, ReachableWorkspace, RevokeApiKeyRequest,
        Role, SessionInfo, WhoAmIRequest, WhoAmIResponse, who_am_i_response::Credential,
    },
};
use postbreeze_testkit::eventually;
use secrecy::ExposeSecret as _;
use tonic::Status;
use uuid::Uuid;

use crate::support::{Client, System, User, at, get, invalid_fields, refused, who, workspace};

async fn page(client: &Client, page_size: i32, page_token: &str) -> Result<WhoAmIResponse, Status> {
    let request = WhoAmIRequest { page_size, page_token: page_token.to_owned() };
    Ok(client.keys().who_am_i(request).await?.into_inner())
}

/// Every page of this size, to the last.
async fn pages(client: &Client, page_size: i32) -> Vec<WhoAmIResponse> {
    let mut pages = vec![page(client, page_size, "").await.unwrap()];
    while let Some(last) = pages.last().filter(|last| !last.next_page_token.is_empty()) {
        let next = page(client, page_size, &last.next_page_token).await.unwrap();
        pages.push(next);
    }
    pages
}

/// Makes a user the owner of this many workspaces, named after their numbers.
async fn load_workspaces(system: &System, owner: &User, count: usize) {
    let user_id: UserId = owner.id().parse().unwrap();
    let minter = &system.environment.minter;
    let ids: Vec<Uuid> =
        (0..count).map(|_| minter.mint::<Workspace>(user_id.bucket()).uuid()).collect();
    let names: Vec<String> = (0..count).map(|number| format!("n{number}")).collect();
    sqlx::query(
        "WITH new AS (
            INSERT INTO workspaces (
                bucket, id, slug, name, timezone, brand_color, logo_url, require_approval, create_time, update_time
            )
            SELECT $1, id, name, name, 'UTC', '', '', FALSE, $4, $4
            FROM unnest($2::UUID[], $3::TEXT[]) AS given (id, name)
            RETURNING bucket, id
        )
        INSERT INTO members (bucket, id, workspace_id, user_id, role, create_time)
        SELECT bucket, id, id, $5, 'owner', $4
        FROM new",
    )
    .bind(user_id.bucket().as_i16())
    .bind(&ids)
    .bind(&names)
    .bind(system.clock.now())
    .bind(user_id.uuid())
    .execute(system.pool("workspaces"))
    .await
    .unwrap();
}

#[tokio::test]
async fn who_am_i_shows_a_session_its_user_and_all_workspaces_oldest_first() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    let mut expected = Vec::new();
    for (owner, name, role) in
        [(&ann, "one", Role::Owner), (&bob, "two", Role::Editor), (&ann, "three", Role::Owner)]
    {
        system.clock.turn(TimeDelta::milliseconds(5));
        let workspace_id = workspace(owner, name).await.id;
        if role == Role::Editor {
            system.join(&bob, &workspace_id, &ann, role).await;
        }
        let (name, role) = (name.to_owned(), role.into());
        expected.push(ReachableWorkspace { workspace_id, name, role });
    }
    let start = system.clock.now() - TimeDelta::milliseconds(15);
    let session = SessionInfo {
        create_time: Some(at(start)),
        expire_time: Some(at(start + TimeDelta::days(30))),
    };
    assert_eq!(
        who(&ann.session).await.unwrap(),
        WhoAmIResponse {
            user: Some(ann.user.clone()),
            credential: Some(Credential::Session(session)),
            mode: AccessMode::Full.into(),
            permission: KeyPermission::ReadWrite.into(),
            workspaces: expected,
            next_page_token: String::new(),
            workspace_count: 3,
        }
    );
}

#[tokio::test]
async fn who_am_i_shows_a_key_itself_its_mode_and_its_reach() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let (acme, globex) = (workspace(&ann, "Acme").await, workspace(&ann, "Globex").await);
    let read_only =
        CreateApiKeyRequest { permission: KeyPermission::ReadOnly.into(), ..Default::default() };
    let keys = [
        (ann.full_key().await.unwrap(), AccessMode::Full, KeyPermission::ReadWrite, 2),
        (ann.key(read_only).await.unwrap(), AccessMode::Full, KeyPermission::ReadOnly, 2),
        (
            ann.scoped_key(&[&globex.id]).await.unwrap(),
            AccessMode::Scoped,
            KeyPermission::ReadWrite,
            1,
        ),
    ];
    for ((key, client), mode, permission, reach) in keys {
        let answer = who(&client).await.unwrap();
        assert_eq!((answer.mode(), answer.permission()), (mode, permission));
        assert_eq!(answer.user.as_ref(), Some(&ann.user));
        let stored = get(&ann, &key.id).await.unwrap();
        assert_eq!(answer.credential, Some(Credential::ApiKey(stored)));
        let mut names: Vec<_> = answer.workspaces.iter().map(|row| row.name.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, &["Acme", "Globex"][2 - reach..]);
        assert_eq!(usize::try_from(answer.workspace_count).unwrap(), reach);
    }
    drop(acme);
}

#[tokio::test]
async fn who_am_i_needs_a_credential_that_was_given_out() {
    let system = System::start().await;
    refused(who(&system.client(None)).await, Reason::CredentialMissing);
    refused(who(&system.client(Some("junk"))).await, Reason::CredentialInvalid);
    // Well-formed, but nobody's: minted as real ones are.
    let random = aws_lc_rs::rand::SystemRandom::new();
    for kind in [CredentialKind::ApiKey, CredentialKind::Session] {
        let secret = mint(kind, &random).unwrap().secret;
        let client = system.client(Some(secret.expose_secret()));
        refused(who(&client).await, Reason::CredentialInvalid);
    }
}

#[tokio::test]
async fn who_am_i_shows_a_reach_of_thousands_page_by_page() {
    const COUNT: usize = 13_000;
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    load_workspaces(&system, &ann, COUNT).await;
    // Without a wish the first 200.
    let first = who(&ann.session).await.unwrap();
    assert_eq!((first.workspaces.len(), first.workspace_count), (200, 13_000));
    let mut names = Vec::new();
    for page in pages(&ann.session, 0).await {
        assert!(page.workspaces.len() <= 200 && page.workspace_count == 13_000);
        assert!(page.user.is_some() && page.credential.is_some());
        names.extend(page.workspaces.into_iter().map(|row| row.name));
    }
    let expected: Vec<String> = (0..COUNT).map(|number| format!("n{number}")).collect();
    assert_eq!(names, expected);
}

#[tokio::test]
async fn who_am_i_heeds_the_size_of_a_page_and_names_what_is_wrong_with_it() {
    let system = System::start().await;
    let (ann, bob) = (system.sign_up("ann").await, system.sign_up("bob").await);
    load_workspaces(&system, &ann, 205).await;
    for (size, expected) in [(100, vec![100, 100, 5]), (201, vec![200, 5]), (1_000, vec![200, 5])] {
        let sizes: Vec<_> =
            pages(&ann.session, size).await.iter().map(|page| page.workspaces.len()).collect();
        assert_eq!(sizes, expected);
    }
    assert_eq!(invalid_fields(page(&ann.session, -1, "junk").await), ["page_size", "page_token"]);
    let token = page(&ann.session, 1, "").await.unwrap().next_page_token;
    refused(page(&bob.session, 1, &token).await, Reason::PageTokenInvalid);
    assert_eq!(who(&bob.session).await.unwrap().workspace_count, 0);
}

/// Between the moment the reach is read and the moment names are, the key goes.
#[tokio::test]
async fn who_am_i_of_a_key_that_is_revoked_meanwhile_says_so() {
    let system = System::start().await;
    let ann = system.sign_up("ann").await;
    let acme = workspace(&ann, "Acme").await;
    let (key, client) = ann.scoped_key(&[&acme.id]).await.unwrap();
    let pool = system.pool("workspaces");
    let mut holding = pool.begin().await.unwrap();
    let lock = "LOCK TABLE workspaces IN ACCESS EXCLUSIVE MODE";
    sqlx::query(lock).execute(&mut *holding).await.unwrap();
    let call = tokio::spawn(async move { who(&client).await });
    let waiting = "
        SELECT EXISTS (
            SELECT 1 FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'
        )";
    eventually("the call waits for names", || async {
        sqlx::query_scalar::<_, bool>(waiting).fetch_one(pool).await.unwrap()
    })
    .await;
    let request = RevokeApiKeyRequest { key_id: key.id };
    ann.session.keys().revoke_api_key(request).await.unwrap();
    holding.rollback().await.unwrap();
    refused(call.await.unwrap(), Reason::CredentialRevoked);
}
