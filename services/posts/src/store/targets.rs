//! Table `post_targets`.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, MediaId, PostId, TargetId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::post::TargetStatus;

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
}

/// A target's media as the text of an array: arrays within an array would have to be of one length.
pub(super) fn media_literal(target: &TargetRow) -> String {
    let ids: Vec<_> = target.media_ids.iter().map(|id| id.uuid().to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

/// Replaces the targets of a locked post. Attempts stay.
#[tracing::instrument(skip_all, name = "db.post_targets.replace", err(level = "debug"))]
pub async fn replace_targets(
    connection: &mut PgConnection,
    post_id: PostId,
    targets: &[TargetRow],
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
            media_ids
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
            target.media_ids::UUID[]
        FROM unnest(
            $3::UUID[], $4::UUID[], $5::SMALLINT[], $6::TEXT[], $7::TEXT[], $8::TEXT[], $9::BYTEA[], $10::TEXT[]
        ) WITH ORDINALITY
            AS target (id, account_id, platform, status, caption_override, first_comment, options, media_ids, position)
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
        &targets.iter().map(media_literal).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the statuses of targets whose posts are locked.
#[tracing::instrument(skip_all, name = "db.post_targets.save_statuses", err(level = "debug"))]
pub async fn save_statuses(
    connection: &mut PgConnection,
    bucket: i16,
    ids: &[Uuid],
    statuses: &[TargetStatus],
) -> Result<(), sqlx::Error> {
    let statuses: Vec<String> = statuses.iter().map(ToString::to_string).collect();
    sqlx::query!(
        r#"
        UPDATE post_targets AS target
        SET status = new.status
        FROM unnest($2::UUID[], $3::TEXT[]) AS new (id, status)
        WHERE target.bucket = $1 AND target.id = new.id AND target.status <> new.status
        "#,
        bucket,
        ids,
        &statuses,
    )
    .execute(connection)
    .await?;
    Ok(())
}
