//! Tables `posts`: the row, a whole post, reading and changing it. New posts: [`insert`]; lists: [`list`].

mod form;
pub mod insert;
pub mod list;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim};
use postbreeze_ids::{AccountId, KeyId, MediaId, PostId, TargetId, UserId, WorkspaceId};
use sqlx::{PgConnection, PgExecutor};

use super::{
    Store,
    targets::{FirstComment, TargetRow},
};
use crate::{
    error::Error,
    post::{PostStatus, State, TargetStatus, kept_media},
};

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
    /// What every target shows that has no media of its own, in order.
    pub media_ids: Vec<MediaId>,
    /// The description of each.
    pub alt_texts: Vec<String>,
    /// Whether "now" was asked for. A post that waits for approval then goes out as soon as it is approved.
    pub publish_now: bool,
    /// [`Post::form`] of when it was last let out; none: it was not, or by an earlier version.
    pub released_form: Option<Vec<u8>>,
}

/// A post with its targets in order.
#[derive(Debug, Clone)]
pub struct Post {
    /// The post's row.
    pub row: PostRow,
    /// The targets' rows.
    pub targets: Vec<TargetRow>,
}

impl Post {
    /// The media that it keeps from being deleted, as it stands.
    ///
    /// # Errors
    /// When a status is none that this version knows.
    pub fn kept_media(&self) -> Result<BTreeSet<MediaId>, Error> {
        if self.row.delete_time.is_some() {
            return Ok(BTreeSet::new());
        }
        let State { status, targets } = self.state()?;
        let own = self.targets.iter().map(|target| target.media_ids.as_slice());
        Ok(kept_media(status, &self.row.media_ids, targets.into_iter().zip(own)))
    }

    /// Where it and its targets stand.
    ///
    /// # Errors
    /// When a status is none that this version knows.
    pub fn state(&self) -> Result<State, Error> {
        let status = PostStatus::parse(&self.row.status);
        let targets = self.targets.iter().map(|target| TargetStatus::parse(&target.status));
        Ok(State {
            status: status.ok_or(Error::Unreadable("post status"))?,
            targets: targets.collect::<Option<_>>().ok_or(Error::Unreadable("target status"))?,
        })
    }
}

impl Store {
    /// A post by its id, deleted ones included.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_post(&self, id: PostId) -> Result<Option<Claim<Post>>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = fetch_posts(lease.connection(), &[id], i64::MAX).await;
        let post = lease.end(found)?.pop();
        Ok(post.map(|post| Claim::new(post.row.workspace_id, post)))
    }
}

/// Posts by their ids, newest first, deleted ones included; as many of them as together have at most `bytes`, and one
/// in any case. One statement, so that a post and its targets are of one moment.
#[tracing::instrument(skip_all, name = "db.posts.fetch", err(level = "debug"))]
#[expect(
    clippy::too_many_lines,
    reason = "the columns of two tables, each once asked for and once taken"
)]
async fn fetch_posts(
    database: impl PgExecutor<'_>,
    ids: &[PostId],
    bytes: i64,
) -> Result<Vec<Post>, sqlx::Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    // A row per target: what is long of its post comes with the first alone. Sizes are known without reading the texts, but
    // for descriptions of media; 512 and 256, and 40 for each medium, are more than what is of a fixed size takes when it is
    // encoded.
    let records = sqlx::query!(
        r#"
        SELECT
            post.id AS "id: PostId",
            post.workspace_id AS "workspace_id: WorkspaceId",
            post.author_user_id AS "author_user_id: UserId",
            post.created_via_key_id AS "created_via_key_id: KeyId",
            post.status,
            CASE WHEN target.position = 0 THEN post.content END AS content,
            post.scheduled_time,
            post.draft_scheduled_time,
            post.timezone,
            post.approved_by_user_id AS "approved_by_user_id: UserId",
            post.approved_time,
            CASE WHEN target.position = 0 THEN post.rejection_note END AS rejection_note,
            post.version,
            post.charged_owner_user_id AS "charged_owner_user_id: UserId",
            post.charged_month,
            post.create_time,
            post.update_time,
            post.delete_time,
            CASE WHEN target.position = 0 THEN post.media_ids END AS "media_ids: Vec<MediaId>",
            CASE WHEN target.position = 0 THEN post.alt_texts END AS alt_texts,
            post.publish_now,
            post.released_form,
            target.id AS "target_id: TargetId",
            target.account_id AS "account_id: AccountId",
            target.platform,
            target.status AS target_status,
            target.caption_override,
            target.first_comment,
            target.options,
            target.media_ids AS "target_media_ids: Vec<MediaId>",
            target.alt_texts AS target_alt_texts,
            target.publish_time,
            target.external_post_id,
            target.external_url,
            target.error_code,
            target.error_message,
            target.error_class,
            target.attempt_count,
            target.first_comment_status,
            target.first_comment_try_time,
            target.external_first_comment_id,
            target.first_comment_error_code,
            target.first_comment_error_message,
            target.first_comment_error_class
        FROM (
            SELECT
                post.bucket,
                post.id,
                row_number() OVER newest_first AS place,
                sum(
                    512 + octet_length(post.content) + octet_length(post.rejection_note)
                        + 40 * cardinality(post.media_ids) + octet_length(array_to_string(post.alt_texts, ''))
                        + targets.bytes
                ) OVER newest_first AS bytes
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN posts AS post ON post.bucket = wanted.bucket AND post.id = wanted.id
            CROSS JOIN LATERAL (
                SELECT
                    sum(
                        256 + COALESCE(octet_length(target.caption_override), 0) + octet_length(target.first_comment)
                            + octet_length(target.options) + 80 * cardinality(target.media_ids)
                            + COALESCE(octet_length(array_to_string(target.alt_texts, '')), 0)
                            + octet_length(target.external_post_id)
                            + octet_length(target.external_url) + octet_length(target.error_code)
                            + octet_length(target.error_message) + octet_length(target.external_first_comment_id)
                            + octet_length(target.first_comment_error_message)
                    ) AS bytes
                FROM post_targets AS target
                WHERE target.bucket = post.bucket AND target.post_id = post.id
            ) AS targets
            WINDOW newest_first AS (ORDER BY post.id DESC)
        ) AS sized
        JOIN posts AS post ON post.bucket = sized.bucket AND post.id = sized.id
        JOIN post_targets AS target ON target.bucket = sized.bucket AND target.post_id = sized.id
        WHERE sized.place = 1 OR sized.bytes <= $3::BIGINT
        ORDER BY post.id DESC, target.position
        "#,
        &buckets,
        ids as &[PostId],
        bytes,
    )
    .fetch_all(database)
    .await?;
    let mut posts: Vec<Post> = Vec::new();
    for record in records {
        let target = TargetRow {
            id: record.target_id,
            account_id: record.account_id,
            platform: record.platform,
            status: record.target_status,
            caption_override: record.caption_override,
            first_comment: record.first_comment,
            options: record.options,
            media_ids: record.target_media_ids,
            alt_texts: record.target_alt_texts,
            publish_time: record.publish_time,
            external_post_id: record.external_post_id,
            external_url: record.external_url,
            error_code: record.error_code,
            error_message: record.error_message,
            error_class: record.error_class,
            attempt_count: record.attempt_count,
            comment: FirstComment {
                status: record.first_comment_status,
                try_time: record.first_comment_try_time,
                external_id: record.external_first_comment_id,
                error_code: record.first_comment_error_code,
                error_message: record.first_comment_error_message,
                error_class: record.first_comment_error_class,
            },
        };
        if let Some(post) = posts.last_mut().filter(|post| post.row.id == record.id) {
            post.targets.push(target);
            continue;
        }
        let row = PostRow {
            id: record.id,
            workspace_id: record.workspace_id,
            author_user_id: record.author_user_id,
            created_via_key_id: record.created_via_key_id,
            status: record.status,
            content: record.content.unwrap_or_default(),
            scheduled_time: record.scheduled_time,
            draft_scheduled_time: record.draft_scheduled_time,
            timezone: record.timezone,
            approved_by_user_id: record.approved_by_user_id,
            approved_time: record.approved_time,
            rejection_note: record.rejection_note.unwrap_or_default(),
            version: record.version,
            charged_owner_user_id: record.charged_owner_user_id,
            charged_month: record.charged_month,
            create_time: record.create_time,
            update_time: record.update_time,
            delete_time: record.delete_time,
            media_ids: record.media_ids.unwrap_or_default(),
            alt_texts: record.alt_texts.unwrap_or_default(),
            publish_now: record.publish_now,
            released_form: record.released_form,
        };
        posts.push(Post { row, targets: vec![target] });
    }
    Ok(posts)
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
        Some(_) => Ok(fetch_posts(connection, &[id], i64::MAX).await?.pop()),
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
            delete_time = $15,
            media_ids = $16,
            alt_texts = $17,
            publish_now = $18,
            released_form = $19
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
        &row.media_ids as &[MediaId],
        &row.alt_texts,
        row.publish_now,
        row.released_form,
    )
    .execute(connection)
    .await?;
    Ok(())
}
