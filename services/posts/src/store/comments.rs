//! Tables `comments` and `comment_heads`: the row, reading and marking. New comments: [`intake`]; replies: [`replies`].

pub mod intake;
pub mod replies;

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim, Scope};
use postbreeze_ids::{AccountId, CommentId, PostId, TargetId, UserId, WorkspaceId};
use postbreeze_runtime::pages::read_page;
use uuid::Uuid;

use super::Store;

/// A row of `comments`.
#[derive(Debug, Clone)]
pub struct CommentRow {
    /// The comment.
    pub id: CommentId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The account whose post was commented on.
    pub account_id: AccountId,
    /// Number of the account's platform.
    pub platform: i16,
    /// The post, when it was published from here.
    pub post_id: Option<PostId>,
    /// The post's target.
    pub target_id: Option<TargetId>,
    /// The network's own id.
    pub external_id: String,
    /// Who wrote it.
    pub author_handle: String,
    /// The name the network shows.
    pub author_display_name: String,
    /// The picture the network shows.
    pub author_avatar_url: String,
    /// The text.
    pub body: String,
    /// When it was written, by the network's clock.
    pub network_time: DateTime<Utc>,
    /// When a member first read it.
    pub read_time: Option<DateTime<Utc>>,
    /// The answer given from here.
    pub reply_body: Option<String>,
    /// When it was given.
    pub reply_time: Option<DateTime<Utc>>,
    /// By whom.
    pub reply_author_user_id: Option<UserId>,
    /// The network's own id of it.
    pub reply_external_id: Option<String>,
    /// Name of a `ReplyStatus`.
    pub reply_status: Option<String>,
    /// Why it failed, or is not known to have been sent.
    pub reply_error: String,
    /// The client's request id; empty: it gave none.
    pub reply_request_id: String,
    /// When the comment was fetched.
    pub create_time: DateTime<Utc>,
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct CommentFilter {
    /// Numbers of platforms; empty: all.
    pub platforms: Vec<i16>,
    /// Only unread, only read, or all.
    pub unread: Option<bool>,
}

/// Where a list stands: the sort key of a row.
pub type CommentKey = (DateTime<Utc>, Uuid);

impl Store {
    /// A comment by its id.
    #[tracing::instrument(skip_all, name = "db.comments.find", err(level = "debug"))]
    pub async fn find_comment(
        &self,
        id: CommentId,
    ) -> Result<Option<Claim<CommentRow>>, sqlx::Error> {
        let row = sqlx::query_as!(
            CommentRow,
            r#"
            SELECT
                id AS "id: CommentId",
                workspace_id AS "workspace_id: WorkspaceId",
                account_id AS "account_id: AccountId",
                platform,
                post_id AS "post_id: PostId",
                target_id AS "target_id: TargetId",
                external_id,
                author_handle,
                author_display_name,
                author_avatar_url,
                body,
                network_time,
                read_time,
                reply_body,
                reply_time,
                reply_author_user_id AS "reply_author_user_id: UserId",
                reply_external_id,
                reply_status,
                reply_error,
                reply_request_id,
                create_time
            FROM comments
            WHERE bucket = $1 AND id = $2
            "#,
            id.bucket().as_i16(),
            id as CommentId,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| Claim::new(row.workspace_id, row)))
    }

    /// Marks a comment read, keeping the first time, or unread. Answers when it was read.
    #[tracing::instrument(skip_all, name = "db.comments.mark", err(level = "debug"))]
    pub async fn mark_comment(
        &self,
        comment: &Admitted<CommentRow>,
        read: Option<DateTime<Utc>>,
    ) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            UPDATE comments
            SET read_time = CASE WHEN $3::TIMESTAMPTZ IS NULL THEN NULL ELSE COALESCE(read_time, $3) END
            WHERE bucket = $1 AND id = $2
            RETURNING read_time
            "#,
            comment.id.bucket().as_i16(),
            comment.id as CommentId,
            read,
        )
        .fetch_one(self.pool())
        .await
    }

    /// A page of the scope's comments, newest first by the network's time, below a key.
    #[tracing::instrument(skip_all, name = "db.comments.list", err(level = "debug"))]
    pub async fn list_comments(
        &self,
        scope: &Scope,
        filter: &CommentFilter,
        after: Option<CommentKey>,
        limit: usize,
    ) -> Result<Vec<CommentRow>, sqlx::Error> {
        let below = after.unwrap_or((DateTime::<Utc>::MAX_UTC, Uuid::max()));
        let first = (DateTime::<Utc>::MIN_UTC, Uuid::nil());
        read_page(
            scope.ids().len(),
            storable(below),
            limit,
            |below, nth| self.comment_cut(scope, below, nth),
            |below, from, limit| {
                self.comment_rows(scope, filter, below, from.unwrap_or(storable(first)), limit)
            },
        )
        .await
    }

    async fn comment_cut(
        &self,
        scope: &Scope,
        below: CommentKey,
        nth: i64,
    ) -> Result<Option<CommentKey>, sqlx::Error> {
        let head = sqlx::query!(
            r#"
            SELECT last_time, last_id
            FROM comment_heads
            WHERE workspace_id = ANY($1) AND (last_time, last_id) < ($2, $3)
            ORDER BY last_time DESC, last_id DESC
            OFFSET $4::BIGINT - 1
            LIMIT 1
            "#,
            scope.ids() as &[WorkspaceId],
            below.0,
            below.1,
            nth,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(head.map(|head| (head.last_time, head.last_id)))
    }

    async fn comment_rows(
        &self,
        scope: &Scope,
        filter: &CommentFilter,
        below: CommentKey,
        from: CommentKey,
        limit: i64,
    ) -> Result<Vec<CommentRow>, sqlx::Error> {
        sqlx::query_as!(
            CommentRow,
            r#"
            SELECT
                row.id AS "id!: CommentId",
                row.workspace_id AS "workspace_id!: WorkspaceId",
                row.account_id AS "account_id!: AccountId",
                row.platform AS "platform!",
                row.post_id AS "post_id?: PostId",
                row.target_id AS "target_id?: TargetId",
                row.external_id AS "external_id!",
                row.author_handle AS "author_handle!",
                row.author_display_name AS "author_display_name!",
                row.author_avatar_url AS "author_avatar_url!",
                row.body AS "body!",
                row.network_time AS "network_time!",
                row.read_time AS "read_time?",
                row.reply_body AS "reply_body?",
                row.reply_time AS "reply_time?",
                row.reply_author_user_id AS "reply_author_user_id?: UserId",
                row.reply_external_id AS "reply_external_id?",
                row.reply_status AS "reply_status?",
                row.reply_error AS "reply_error!",
                row.reply_request_id AS "reply_request_id!",
                row.create_time AS "create_time!"
            FROM comment_heads AS head
            CROSS JOIN LATERAL (
                SELECT *
                FROM comments AS comment
                WHERE comment.bucket = head.bucket
                    AND comment.workspace_id = head.workspace_id
                    AND (comment.network_time, comment.id) < ($2, $3)
                    AND (comment.network_time, comment.id) >= ($4, $5)
                    AND (cardinality($6::SMALLINT[]) = 0 OR comment.platform = ANY($6))
                    AND ($7::BOOLEAN IS NULL OR (comment.read_time IS NULL) = $7)
                ORDER BY comment.network_time DESC, comment.id DESC
                LIMIT $8
            ) AS row
            WHERE head.workspace_id = ANY($1) AND (head.last_time, head.last_id) >= ($4, $5)
            ORDER BY row.network_time DESC, row.id DESC
            LIMIT $8
            "#,
            scope.ids() as &[WorkspaceId],
            below.0,
            below.1,
            from.0,
            from.1,
            &filter.platforms,
            filter.unread,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}

/// The ends of what chrono can tell are outside of what Postgres can keep.
fn storable((time, id): CommentKey) -> CommentKey {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    let seconds = time.timestamp().clamp(FIRST, LAST);
    if seconds == time.timestamp() {
        (time, id)
    } else {
        (DateTime::from_timestamp(seconds, 0).unwrap_or_default(), id)
    }
}
