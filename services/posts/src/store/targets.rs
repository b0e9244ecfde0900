//! Table `post_targets`.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, MediaId, PostId, TargetId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::post::{CommentStatus, Due, TargetStatus};

/// A row of `post_targets`.
#[derive(Debug, Clone)]
pub struct TargetRow {
    /// The target.
    pub id: TargetId,
    /// The account it goes to.
    pub account_id: AccountId,
    /// Number of the account's platform.
    pub platform: i16,
    /// Name of a `TargetStatus`.
    pub status: String,
    /// What is published instead of the post's content.
    pub caption_override: Option<String>,
    /// What is commented first; empty: nothing.
    pub first_comment: String,
    /// An encoded `PlatformOptions`; empty: none.
    pub options: Vec<u8>,
    /// What it shows instead of the post's media, in order; empty: the post's.
    pub media_ids: Vec<MediaId>,
    /// The description of each of these; none: an earlier version wrote the row, and the library's descriptions go out.
    pub alt_texts: Option<Vec<String>>,
    /// When it went out.
    pub publish_time: Option<DateTime<Utc>>,
    /// The network's own id of it.
    pub external_post_id: String,
    /// Where it is on the network.
    pub external_url: String,
    /// The network's code of the last error.
    pub error_code: String,
    /// The last error, for people.
    pub error_message: String,
    /// Name of the last error's class; empty: no error.
    pub error_class: String,
    /// How often it was tried.
    pub attempt_count: i32,
    /// Where its first comment stands.
    pub comment: FirstComment,
}

/// The first comment of a target, once the target is out.
#[derive(Debug, Clone)]
pub struct FirstComment {
    /// Name of a `CommentStatus`.
    pub status: String,
    /// When it was last tried.
    pub try_time: Option<DateTime<Utc>>,
    /// The network's own id of it.
    pub external_id: String,
    /// The network's code of the last error.
    pub error_code: String,
    /// The last error, for people.
    pub error_message: String,
    /// Name of the last error's class; empty: no error.
    pub error_class: String,
}

impl Default for FirstComment {
    fn default() -> Self {
        Self {
            status: CommentStatus::None.as_str().to_owned(),
            try_time: None,
            external_id: String::new(),
            error_code: String::new(),
            error_message: String::new(),
            error_class: String::new(),
        }
    }
}

/// Media as the text of an array: arrays within an array would have to be of one length.
pub(super) fn media_literal(media_ids: &[MediaId]) -> String {
    let ids: Vec<_> = media_ids.iter().map(|id| id.uuid().to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

/// The descriptions of a target's media as the text of an array.
pub(super) fn text_literal(target: &TargetRow) -> Option<String> {
    let quoted = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let texts: Vec<_> = target.alt_texts.as_ref()?.iter().map(quoted).collect();
    Some(format!("{{{}}}", texts.join(",")))
}

/// Writes the descriptions of the media of a locked post's targets.
#[tracing::instrument(skip_all, name = "db.post_targets.describe", err(level = "debug"))]
pub async fn describe_targets(
    connection: &mut PgConnection,
    bucket: i16,
    targets: &[TargetRow],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE post_targets AS target
        SET alt_texts = new.alt_texts::TEXT[]
        FROM unnest($2::UUID[], $3::TEXT[]) AS new (id, alt_texts)
        WHERE target.bucket = $1 AND target.id = new.id AND target.alt_texts IS NULL
        "#,
        bucket,
        &targets.iter().map(|target| target.id.uuid()).collect::<Vec<_>>(),
        &targets.iter().map(text_literal).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Replaces the targets of a locked post. Attempts stay. `due`: when the new ones go out; none: not yet.
#[tracing::instrument(skip_all, name = "db.post_targets.replace", err(level = "debug"))]
pub async fn replace_targets(
    connection: &mut PgConnection,
    post_id: PostId,
    targets: &[TargetRow],
    due: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    let bucket = post_id.bucket().as_i16();
    sqlx::query!(
        "DELETE FROM post_targets WHERE bucket = $1 AND post_id = $2",
        bucket,
        post_id as PostId,
    )
    .execute(&mut *connection)
    .await?;
    let captions: Vec<Option<String>> =
        targets.iter().map(|target| target.caption_override.clone()).collect();
    sqlx::query!(
        r#"
        INSERT INTO post_targets (
            bucket, id, post_id, position, account_id, platform, status, caption_override, first_comment, options,
            media_ids, alt_texts, due_time, ready_time
        )
        SELECT
            $1,
            target.id,
            $2,
            target.position - 1,
            target.account_id,
            target.platform,
            target.status,
            target.caption_override,
            target.first_comment,
            target.options,
            target.media_ids::UUID[],
            target.alt_texts::TEXT[],
            $11,
            $11
        FROM unnest(
            $3::UUID[], $4::UUID[], $5::SMALLINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::BYTEA[], $10::TEXT[],
            $12::TEXT[]
        ) WITH ORDINALITY
            AS target (
                id, account_id, platform, status, caption_override, first_comment, options, media_ids, alt_texts, position
            )
        "#,
        bucket,
        post_id as PostId,
        &targets.iter().map(|target| target.id.uuid()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.account_id.uuid()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.platform).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.status.clone()).collect::<Vec<_>>(),
        &captions as &[Option<String>],
        &targets.iter().map(|target| target.first_comment.clone()).collect::<Vec<_>>(),
        &targets.iter().map(|target| target.options.clone()).collect::<Vec<_>>(),
        &targets.iter().map(|target| media_literal(&target.media_ids)).collect::<Vec<_>>(),
        due,
        &targets.iter().map(text_literal).collect::<Vec<_>>() as &[Option<String>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// What becomes of a target whose post is locked.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// The target.
    pub id: TargetId,
    /// Where it stands.
    pub status: TargetStatus,
    /// When it is dealt with next.
    pub due: Due,
}

/// Writes where targets of one bucket stand, whose posts are locked. `scheduled`: when their post goes out. `opens`: whether it
/// was asked to go out by this step, so that how late it is counts from now on.
#[tracing::instrument(skip_all, name = "db.post_targets.save_standings", err(level = "debug"))]
pub async fn save_standings(
    connection: &mut PgConnection,
    bucket: i16,
    standings: &[Standing],
    scheduled: Option<DateTime<Utc>>,
    opens: bool,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = standings.iter().map(|target| target.id.uuid()).collect();
    let statuses: Vec<String> = standings.iter().map(|target| target.status.to_string()).collect();
    let stay = |target: &Standing| matches!(target.due, Due::Stays | Due::Last);
    let stay: Vec<bool> = standings.iter().map(stay).collect();
    let stopped: Vec<bool> = standings.iter().map(|target| target.due == Due::Last).collect();
    let due = |target: &Standing| match target.due {
        Due::Scheduled => scheduled,
        Due::Now => Some(now),
        Due::Stays | Due::Last | Due::Never => None,
    };
    let due: Vec<Option<DateTime<Utc>>> = standings.iter().map(due).collect();
    // What is due anew is tried as often as if it never had been.
    sqlx::query!(
        r#"
        UPDATE post_targets AS target
        SET status = new.status,
            due_time = CASE WHEN new.stays THEN target.due_time ELSE new.due_time END,
            ready_time = CASE
                WHEN new.due_time IS NULL THEN target.ready_time
                WHEN $8 THEN GREATEST(new.due_time, $7)
                ELSE COALESCE(target.ready_time, new.due_time)
            END,
            is_stopped = new.stopped OR target.is_stopped AND new.due_time IS NULL,
            first_try_time = CASE WHEN new.due_time IS NULL THEN target.first_try_time END,
            tries = CASE WHEN new.due_time IS NULL THEN target.tries ELSE 0 END,
            looks = CASE WHEN new.due_time IS NULL THEN target.looks ELSE 0 END
        FROM unnest($2::UUID[], $3::TEXT[], $4::BOOLEAN[], $5::TIMESTAMPTZ[], $6::BOOLEAN[])
            AS new (id, status, stays, due_time, stopped)
        WHERE target.bucket = $1
            AND target.id = new.id
            AND (
                target.status <> new.status
                OR new.stopped
                OR NOT new.stays AND target.due_time IS DISTINCT FROM new.due_time
            )
        "#,
        bucket,
        &ids,
        &statuses,
        &stay,
        &due as &[Option<DateTime<Utc>>],
        &stopped,
        now,
        opens,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Has the first comment of a target sent again that is out, and whose post is locked.
#[tracing::instrument(skip_all, name = "db.post_targets.retry_comment", err(level = "debug"))]
pub async fn retry_comment(
    connection: &mut PgConnection,
    id: TargetId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE post_targets
        SET first_comment_status = 'pending',
            due_time = $3,
            is_stopped = FALSE,
            first_try_time = NULL,
            tries = 0,
            looks = 0
        WHERE bucket = $1 AND id = $2
        "#,
        id.bucket().as_i16(),
        id as TargetId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
