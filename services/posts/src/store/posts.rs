//! Tables `posts` and `post_heads`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim, Scope};
use postbreeze_ids::{KeyId, PostId, UserId, WorkspaceId};
use postbreeze_runtime::pages::read_page;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::{Store, targets::TargetRow, usage::Charge};

/// A row of `posts`.
#[derive(Debug, Clone)]
pub struct PostRow {
    /// The post.
    pub id: PostId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Who wrote it.
    pub author_user_id: UserId,
    /// With which key; none: with a session.
    pub created_via_key_id: Option<KeyId>,
    /// Name of a `PostStatus`.
    pub status: String,
    /// The text.
    pub content: String,
    /// When it goes out, or went.
    pub scheduled_time: Option<DateTime<Utc>>,
    /// Where a draft is pinned on a calendar.
    pub draft_scheduled_time: Option<DateTime<Utc>>,
    /// For display.
    pub timezone: String,
    /// Who approved it.
    pub approved_by_user_id: Option<UserId>,
    /// When.
    pub approved_time: Option<DateTime<Utc>>,
    /// Why it was rejected last.
    pub rejection_note: String,
    /// Grows with every change.
    pub version: i64,
    /// Whom its unit is charged to.
    pub charged_owner_user_id: Option<UserId>,
    /// In which month.
    pub charged_month: Option<i32>,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
    /// When it was deleted.
    pub delete_time: Option<DateTime<Utc>>,
}

/// A post with its targets in order.
#[derive(Debug, Clone)]
pub struct Post {
    /// The post's row.
    pub row: PostRow,
    /// The targets' rows.
    pub targets: Vec<TargetRow>,
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct PostFilter {
    /// Names of statuses; empty: all.
    pub statuses: Vec<String>,
    /// Numbers of platforms; empty: all.
    pub platforms: Vec<i16>,
    /// An account among the targets.
    pub account_id: Option<postbreeze_ids::AccountId>,
}

/// Whether a post was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was.
    Yes,
    /// It was not: the charge found no unit left.
    AtTheCap,
}

impl Store {
    /// A post by its id, deleted ones included.
    #[tracing::instrument(skip_all, name = "db.posts.find", err(level = "debug"))]
    pub async fn find_post(&self, id: PostId) -> Result<Option<Claim<Post>>, sqlx::Error> {
        let Some(row) = fetch_row(&self.pool, id).await? else { return Ok(None) };
        let targets = self.targets_of(&[id]).await?;
        Ok(Some(Claim::new(row.workspace_id, Post { row, targets })))
    }

    /// A page of the scope's posts, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.posts.list", err(level = "debug"))]
    pub async fn list_posts(
        &self,
        scope: &Scope,
        filter: &PostFilter,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<Post>, sqlx::Error> {
        let below = after.unwrap_or(Uuid::max());
        let rows = read_page(
            scope.ids().len(),
            below,
            limit,
            |below, nth| self.post_cut(scope, below, nth),
            |below, from, limit| {
                self.post_rows(scope, filter, below, from.unwrap_or(Uuid::nil()), limit)
            },
        )
        .await?;
        self.with_targets(rows).await
    }

    async fn post_cut(
        &self,
        scope: &Scope,
        below: Uuid,
        nth: i64,
    ) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT last_id
            FROM post_heads
            WHERE workspace_id = ANY($1) AND last_id < $2
            ORDER BY last_id DESC
            OFFSET $3::BIGINT - 1
            LIMIT 1
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            nth,
        )
        .fetch_optional(&self.pool)
        .await
    }

    async fn post_rows(
        &self,
        scope: &Scope,
        filter: &PostFilter,
        below: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<PostRow>, sqlx::Error> {
        sqlx::query_as!(
            PostRow,
            r#"
            SELECT
                row.id AS "id!: PostId",
                row.workspace_id AS "workspace_id!: WorkspaceId",
                row.author_user_id AS "author_user_id!: UserId",
                row.created_via_key_id AS "created_via_key_id?: KeyId",
                row.status AS "status!",
                row.content AS "content!",
                row.scheduled_time AS "scheduled_time?",
                row.draft_scheduled_time AS "draft_scheduled_time?",
                row.timezone AS "timezone!",
                row.approved_by_user_id AS "approved_by_user_id?: UserId",
                row.approved_time AS "approved_time?",
                row.rejection_note AS "rejection_note!",
                row.version AS "version!",
                row.charged_owner_user_id AS "charged_owner_user_id?: UserId",
                row.charged_month AS "charged_month?",
                row.create_time AS "create_time!",
                row.update_time AS "update_time!",
                row.delete_time AS "delete_time?"
            FROM post_heads AS head
            CROSS JOIN LATERAL (
                SELECT *
                FROM posts AS post
                WHERE post.bucket = head.bucket
                    AND post.workspace_id = head.workspace_id
                    AND post.delete_time IS NULL
                    AND post.id < $2
                    AND post.id >= $3
                    AND (cardinality($4::TEXT[]) = 0 OR post.status = ANY($4))
                    AND (cardinality($5::SMALLINT[]) = 0 OR EXISTS (
                        SELECT FROM post_targets AS target
                        WHERE target.bucket = post.bucket AND target.post_id = post.id
                            AND target.platform = ANY($5)
                    ))
                    AND ($6::UUID IS NULL OR EXISTS (
                        SELECT FROM post_targets AS target
                        WHERE target.bucket = post.bucket AND target.post_id = post.id
                            AND target.account_id = $6
                    ))
                ORDER BY post.id DESC
                LIMIT $7
            ) AS row
            WHERE head.workspace_id = ANY($1) AND head.last_id >= $3
            ORDER BY row.id DESC
            LIMIT $7
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            from,
            &filter.statuses,
            &filter.platforms,
            filter.account_id as Option<postbreeze_ids::AccountId>,
            limit,
        )
        .fetch_all(&self.pool)
        .await
    }

    async fn with_targets(&self, rows: Vec<PostRow>) -> Result<Vec<Post>, sqlx::Error> {
        let ids: Vec<PostId> = rows.iter().map(|row| row.id).collect();
        let mut targets = self.targets_of(&ids).await?.into_iter().peekable();
        // Both are in descending order of post, and the targets of one post in their own order.
        Ok(rows
            .into_iter()
            .map(|row| {
                let mut own = Vec::new();
                while let Some(target) = targets.next_if(|target| target.post_id == row.id) {
                    own.push(target);
                }
                Post { row, targets: own }
            })
            .collect())
    }
}

async fn fetch_row(
    database: impl PgExecutor<'_>,
    id: PostId,
) -> Result<Option<PostRow>, sqlx::Error> {
    sqlx::query_as!(
        PostRow,
        r#"
        SELECT
            id AS "id: PostId",
            workspace_id AS "workspace_id: WorkspaceId",
            author_user_id AS "author_user_id: UserId",
            created_via_key_id AS "created_via_key_id: KeyId",
            status,
            content,
            scheduled_time,
            draft_scheduled_time,
            timezone,
            approved_by_user_id AS "approved_by_user_id: UserId",
            approved_time,
            rejection_note,
            version,
            charged_owner_user_id AS "charged_owner_user_id: UserId",
            charged_month,
            create_time,
            update_time,
            delete_time
        FROM posts
        WHERE bucket = $1 AND id = $2
        "#,
        id.bucket().as_i16(),
        id as PostId,
    )
    .fetch_optional(database)
    .await
}

/// Locks an admitted post for this transaction and reads it as it is now; `None` when it was deleted meanwhile.
#[tracing::instrument(skip_all, name = "db.posts.lock", err(level = "debug"))]
pub async fn lock_post(
    connection: &mut PgConnection,
    admitted: &Admitted<Post>,
) -> Result<Option<Post>, sqlx::Error> {
    let id = admitted.row.id;
    let locked = sqlx::query_scalar!(
        r#"SELECT version FROM posts WHERE bucket = $1 AND id = $2 AND delete_time IS NULL FOR UPDATE"#,
        id.bucket().as_i16(),
        id as PostId,
    )
    .fetch_optional(&mut *connection)
    .await?;
    match locked {
        None => Ok(None),
        // Nothing changed since it was read: what was admitted is what is locked.
        Some(version) if version == admitted.row.version => Ok(Some(Post::clone(admitted))),
        Some(_) => {
            let row = fetch_row(&mut *connection, id).await?;
            let targets = super::targets::fetch_targets(&mut *connection, &[id]).await?;
            Ok(row.map(|row| Post { row, targets }))
        }
    }
}

/// Writes what may change of a locked post.
#[tracing::instrument(skip_all, name = "db.posts.save", err(level = "debug"))]
pub async fn save_post(connection: &mut PgConnection, row: &PostRow) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE posts
        SET status = $3,
            content = $4,
            scheduled_time = $5,
            draft_scheduled_time = $6,
            timezone = $7,
            approved_by_user_id = $8,
            approved_time = $9,
            rejection_note = $10,
            version = $11,
            charged_owner_user_id = $12,
            charged_month = $13,
            update_time = $14,
            delete_time = $15
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as PostId,
        row.status,
        row.content,
        row.scheduled_time,
        row.draft_scheduled_time,
        row.timezone,
        row.approved_by_user_id as Option<UserId>,
        row.approved_time,
        row.rejection_note,
        row.version,
        row.charged_owner_user_id as Option<UserId>,
        row.charged_month,
        row.update_time,
        row.delete_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes a new post with its targets, its workspace's head and the unit it holds, all in one statement: one round trip,
/// and nothing of it without the rest. `limit`: units the owner may hold in the month; none: unlimited.
#[tracing::instrument(skip_all, name = "db.posts.insert", err(level = "debug"))]
pub async fn insert_post<T>(
    database: impl PgExecutor<'_>,
    _workspace: &Admitted<T>,
    post: &Post,
    limit: Option<i64>,
) -> Result<Written, sqlx::Error> {
    let Post { row, targets } = post;
    let charge = Charge::of(row);
    let captions: Vec<Option<String>> =
        targets.iter().map(|target| target.caption_override.clone()).collect();
    let written = sqlx::query_scalar!(
        r#"
        WITH charge AS (
            INSERT INTO post_usage AS counter (bucket, owner_user_id, month, units)
            SELECT $1, $2, $3, 1
            WHERE $2::UUID IS NOT NULL AND ($4::BIGINT IS NULL OR $4 > 0)
            ON CONFLICT (bucket, owner_user_id, month) DO UPDATE
            SET units = counter.units + 1
            WHERE $4::BIGINT IS NULL OR counter.units < $4
            RETURNING units
        ),
        post AS (
            INSERT INTO posts (
                bucket, id, workspace_id, author_user_id, created_via_key_id, status, content, scheduled_time,
                draft_scheduled_time, timezone, version, charged_owner_user_id, charged_month, create_time, update_time
            )
            SELECT $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $2, $3, $16, $16
            WHERE $2::UUID IS NULL OR EXISTS (SELECT FROM charge)
            RETURNING bucket, id, workspace_id
        ),
        targets AS (
            INSERT INTO post_targets (
                bucket, id, post_id, position, account_id, platform, status, caption_override, first_comment, options
            )
            SELECT
                post.bucket,
                target.id,
                post.id,
                target.position - 1,
                target.account_id,
                target.platform,
                target.status,
                target.caption_override,
                target.first_comment,
                target.options
            FROM post, unnest(
                $17::UUID[], $18::UUID[], $19::SMALLINT[], $20::TEXT[], $21::TEXT[], $22::TEXT[], $23::BYTEA[]
            ) WITH ORDINALITY
                AS target (id, account_id, platform, status, caption_override, first_comment, options, position)
        ),
        head AS (
            INSERT INTO post_heads AS head (bucket, workspace_id, last_id)
            SELECT bucket, workspace_id, id FROM post
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET last_id = excluded.last_id
            WHERE head.last_id < excluded.last_id
        )
        SELECT EXISTS (SELECT FROM post) AS "written!"
        "#,
        charge.map(|charge| charge.owner_user_id.bucket().as_i16()),
        charge.map(|charge| charge.owner_user_id) as Option<UserId>,
        charge.map(|charge| charge.month),
        limit,
        row.id.bucket().as_i16(),
        row.id as PostId,
        row.workspace_id as WorkspaceId,
        row.author_user_id as UserId,
        row.created_via_key_id as Option<KeyId>,
        row.status,
        row.content,
        row.scheduled_time,
        row.draft_scheduled_time,
        row.timezone,
        row.version,
        row.create_time,
        &targets.iter().map(|target| target.id.uuid()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.account_id.uuid()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.platform).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.status.clone()).collect::<Vec<_>>(),
        &captions as &[Option<String>],
        &targets.iter().map(|target| target.first_comment.clone()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.options.clone()).collect::<Vec<_>>(),
    )
    .fetch_one(database)
    .await?;
    Ok(if written { Written::Yes } else { Written::AtTheCap })
}
