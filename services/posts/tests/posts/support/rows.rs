//! What no RPC can bring about yet, or show: rows of the databases.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, Attempt, AttemptId, CommentId, PostId, UserId, WorkspaceId};
use postbreeze_proto::v1::{Platform, Post, SocialAccount};
use postbreeze_runtime::Environment;
use postbreeze_testkit::{System, User, eventually};
use sqlx::{Postgres, Transaction};

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

/// Brings a post and its targets into these statuses, as publishing does: a post that holds no unit gives it back.
pub(crate) async fn bring(system: &System, post: &Post, status: &str, targets: &[&str]) {
    let id: PostId = post.id.parse().unwrap();
    let mut transaction = system.pool("posts").begin().await.unwrap();
    // The post before its targets, as everyone locks them.
    sqlx::query("SELECT FROM posts WHERE id = $1 FOR UPDATE")
        .bind(id.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    for (position, target) in targets.iter().enumerate() {
        sqlx::query(
            "UPDATE post_targets SET status = $3, attempt_count = 1 WHERE post_id = $1 AND position = $2",
        )
        .bind(id.uuid())
        .bind(i16::try_from(position).unwrap())
        .bind(*target)
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    if matches!(status, "failed" | "canceled") {
        sqlx::query(
            "UPDATE post_usage AS counter SET units = units - 1 FROM posts AS post
            WHERE post.id = $1 AND counter.owner_user_id = post.charged_owner_user_id
                AND counter.month = post.charged_month",
        )
        .bind(id.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
        sqlx::query(
            "UPDATE posts SET charged_owner_user_id = NULL, charged_month = NULL WHERE id = $1",
        )
        .bind(id.uuid())
        .execute(&mut *transaction)
        .await
        .unwrap();
    }
    sqlx::query("UPDATE posts SET status = $2, version = version + 1 WHERE id = $1")
        .bind(id.uuid())
        .bind(status)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

/// The network does not take the tokens of an account any more.
pub(crate) async fn expire(system: &System, account_id: &str) {
    let id: AccountId = account_id.parse().unwrap();
    sqlx::query("UPDATE accounts SET status = 'token_expired' WHERE id = $1")
        .bind(id.uuid())
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
    eventually("statements wait for a lock", || async {
        let count: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM pg_stat_activity
            WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
        .fetch_one(system.pool("posts"))
        .await
        .unwrap();
        count >= statements
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

/// Writes down an attempt to publish a post's first target.
pub(crate) async fn add_attempt(system: &System, post: &Post, number: i32, status: &str) -> String {
    let post_id: PostId = post.id.parse().unwrap();
    let id: AttemptId =
        Environment::new(system.clock.clock()).minter.mint::<Attempt>(post_id.bucket());
    let error_class = if status == "failed" { "transient" } else { "" };
    sqlx::query(
        "INSERT INTO publish_attempts (
            bucket, id, workspace_id, post_id, target_id, account_id, platform, attempt_number, status, start_time,
            error_code, error_message, error_class
        )
        SELECT target.bucket, $2, post.workspace_id, post.id, target.id, target.account_id, target.platform, $3, $4, $5,
            'busy', 'try later', $6
        FROM posts AS post
        JOIN post_targets AS target ON target.post_id = post.id AND target.position = 0
        WHERE post.id = $1",
    )
    .bind(post_id.uuid())
    .bind(id.uuid())
    .bind(number)
    .bind(status)
    .bind(system.clock.now())
    .bind(error_class)
    .execute(system.pool("posts"))
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
