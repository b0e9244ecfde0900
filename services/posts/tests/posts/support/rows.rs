//! What no RPC can bring about yet, or show: rows of the databases.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, CommentId, PostId, UserId, WorkspaceId};
use postbreeze_proto::v1::{Platform, SocialAccount};
use postbreeze_runtime::Environment;
use postbreeze_testkit::{System, User};
use sqlx::{Postgres, Transaction};

use super::eventually;

/// Units that a user's posts hold in a month.
pub(crate) async fn units(system: &System, owner: &User, month: i32) -> i64 {
    let owner: UserId = owner.id().parse().unwrap();
    sqlx::query_scalar("SELECT units FROM post_usage WHERE owner_user_id = $1 AND month = $2")
        .bind(owner.uuid())
        .bind(month)
        .fetch_optional(system.pool("posts"))
        .await
        .unwrap()
        .unwrap_or(0)
}

/// Units that all posts hold, as counted; checked against the posts themselves.
pub(crate) async fn held(system: &System) -> i64 {
    let (counted, charged): (i64, i64) = sqlx::query_as(
        "SELECT
            (SELECT COALESCE(sum(units), 0)::BIGINT FROM post_usage),
            (SELECT count(*) FROM posts WHERE charged_month IS NOT NULL)",
    )
    .fetch_one(system.pool("posts"))
    .await
    .unwrap();
    assert_eq!(counted, charged);
    counted
}

/// The network does not take the tokens of an account any more. For networks that are not served here; see
/// [`super::lose_token`].
pub(crate) async fn expire(system: &System, account_id: &str) {
    set_status(system, account_id, "token_expired").await;
}

/// An account that had expired is connected again. For networks that are not served here.
pub(crate) async fn revive(system: &System, account_id: &str) {
    set_status(system, account_id, "active").await;
}

async fn set_status(system: &System, account_id: &str, status: &str) {
    let id: AccountId = account_id.parse().unwrap();
    sqlx::query("UPDATE accounts SET status = $2 WHERE id = $1")
        .bind(id.uuid())
        .bind(status)
        .execute(system.pool("accounts"))
        .await
        .unwrap();
}

/// Locks a post, so that whoever changes it waits.
pub(crate) async fn hold_post(system: &System, post_id: &str) -> Transaction<'static, Postgres> {
    let id: PostId = post_id.parse().unwrap();
    let mut transaction = system.pool("posts").begin().await.unwrap();
    sqlx::query("SELECT FROM posts WHERE id = $1 FOR UPDATE")
        .bind(id.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// Waits until this many statements wait for a lock.
pub(crate) async fn waiting(system: &System, statements: i64) {
    eventually(&format!("{statements} statements wait for a lock"), || async {
        let waiting: Vec<String> = sqlx::query_scalar(
            "SELECT query FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_all(system.pool("posts"))
        .await
        .unwrap();
        if waiting.len() >= usize::try_from(statements).unwrap() { Ok(()) } else { Err(waiting) }
    })
    .await;
}

/// Connects an account of a network that is not served yet, as a copy of another one of the workspace.
pub(crate) async fn add_account(
    system: &System,
    like: &SocialAccount,
    platform: Platform,
) -> String {
    let original: AccountId = like.id.parse().unwrap();
    let id: AccountId = Environment::new(system.clock.clock()).minter.mint(original.bucket());
    sqlx::query(
        "INSERT INTO accounts (
            bucket, id, workspace_id, platform, external_id, handle, display_name, avatar_url, status, scopes,
            connect_time
        )
        SELECT
            bucket, $2, workspace_id, $3, external_id, handle, display_name, avatar_url, 'active', scopes, connect_time
        FROM accounts
        WHERE id = $1",
    )
    .bind(original.uuid())
    .bind(id.uuid())
    .bind(i16::try_from(i32::from(platform)).unwrap())
    .execute(system.pool("accounts"))
    .await
    .unwrap();
    id.to_string()
}

/// Writes a draft as it is, quicker than through the front door. Answers its id.
pub(crate) async fn add_post(
    system: &System,
    environment: &Environment,
    account: &SocialAccount,
    author: &User,
    status: &str,
) -> String {
    let workspace_id: WorkspaceId = account.workspace_id.parse().unwrap();
    let (account_id, author): (AccountId, UserId) =
        (account.id.parse().unwrap(), author.id().parse().unwrap());
    let bucket = workspace_id.bucket();
    let id: PostId = environment.minter.mint(bucket);
    let target: postbreeze_ids::TargetId = environment.minter.mint(bucket);
    sqlx::query(
        "WITH head AS (
            INSERT INTO post_heads AS head (bucket, workspace_id, last_id) VALUES ($1, $3, $2)
            ON CONFLICT (bucket, workspace_id) DO UPDATE SET last_id = GREATEST(head.last_id, excluded.last_id)
        ),
        post AS (
            INSERT INTO posts (
                bucket, id, workspace_id, author_user_id, status, content, timezone, version, create_time, update_time
            )
            VALUES ($1, $2, $3, $4, $5, 'quick', 'UTC', 1, $6, $6)
        )
        INSERT INTO post_targets (bucket, id, post_id, position, account_id, platform, status, first_comment, options)
        VALUES ($1, $7, $2, 0, $8, $9, 'pending', '', '')",
    )
    .bind(bucket.as_i16())
    .bind(id.uuid())
    .bind(workspace_id.uuid())
    .bind(author.uuid())
    .bind(status)
    .bind(system.clock.now())
    .bind(target.uuid())
    .bind(account_id.uuid())
    .bind(i16::try_from(account.platform).unwrap())
    .execute(system.pool("posts"))
    .await
    .unwrap();
    id.to_string()
}

/// A comment that the network has.
pub(crate) struct NewComment {
    pub(crate) network_time: DateTime<Utc>,
    pub(crate) platform: Platform,
    pub(crate) read: bool,
    pub(crate) body: String,
}

impl NewComment {
    pub(crate) fn at(network_time: DateTime<Utc>) -> Self {
        Self { network_time, platform: Platform::Sandbox, read: false, body: "nice".to_owned() }
    }
}

/// Fetches a comment into an account's inbox. Answers its id.
pub(crate) async fn add_comment(
    system: &System,
    account: &SocialAccount,
    comment: NewComment,
) -> String {
    let workspace_id: WorkspaceId = account.workspace_id.parse().unwrap();
    let account_id: AccountId = account.id.parse().unwrap();
    let bucket = workspace_id.bucket();
    let id: CommentId = Environment::new(system.clock.clock()).minter.mint(bucket);
    sqlx::query(
        "WITH head AS (
            INSERT INTO comment_heads AS head (bucket, workspace_id, last_time, last_id) VALUES ($1, $3, $6, $2)
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET last_time = excluded.last_time, last_id = excluded.last_id
            WHERE (head.last_time, head.last_id) < (excluded.last_time, excluded.last_id)
        )
        INSERT INTO comments (
            bucket, id, workspace_id, account_id, platform, external_id, author_handle, author_display_name,
            author_avatar_url, body, network_time, read_time, create_time
        )
        VALUES ($1, $2, $3, $4, $5, $7, 'ann', 'Ann', '', $8, $6, $9, $6)",
    )
    .bind(bucket.as_i16())
    .bind(id.uuid())
    .bind(workspace_id.uuid())
    .bind(account_id.uuid())
    .bind(i16::try_from(i32::from(comment.platform)).unwrap())
    .bind(comment.network_time)
    .bind(id.to_string())
    .bind(comment.body)
    .bind(comment.read.then_some(comment.network_time))
    .execute(system.pool("posts"))
    .await
    .unwrap();
    id.to_string()
}
