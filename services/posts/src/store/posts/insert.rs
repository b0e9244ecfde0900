//! New posts.

use std::collections::BTreeSet;

use postbreeze_context::Admitted;
use postbreeze_ids::{KeyId, MediaId, PostId, UserId, WorkspaceId};
use sqlx::PgConnection;

use super::Post;
use crate::store::{
    targets::{media_literal, text_literal},
    usage::{Charge, fetch_units},
};

/// What became of a new post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    /// It was written.
    Yes,
    /// The charge found no unit left.
    AtTheCap {
        /// Units held.
        current: i64,
    },
    /// The workspace has been deleted.
    WorkspaceDeleted,
}

/// Writes a new post with its targets, its workspace's head, the unit it holds and the notice of what it keeps, all in one
/// statement: one round trip, and nothing of it without the rest. Each part reads from one before it, so that rows are locked
/// in order. `kept`: the media it keeps; `limit`: units the owner may hold in the month, none: unlimited.
#[tracing::instrument(skip_all, name = "db.posts.insert", err(level = "debug"))]
#[expect(clippy::too_many_lines, reason = "one statement, and each of its values")]
pub async fn insert_post<T>(
    connection: &mut PgConnection,
    _workspace: &Admitted<T>,
    post: &Post,
    kept: &BTreeSet<MediaId>,
    limit: Option<i64>,
) -> Result<Written, sqlx::Error> {
    let Post { row, targets } = post;
    let charge = Charge::of(row);
    let captions: Vec<Option<String>> =
        targets.iter().map(|target| target.caption_override.clone()).collect();
    let kept: Vec<MediaId> = kept.iter().copied().collect();
    let done = sqlx::query!(
        r#"
        WITH head AS (
            INSERT INTO post_heads AS head (bucket, workspace_id, last_id)
            VALUES ($5, $7, $6)
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET last_id = GREATEST(head.last_id, excluded.last_id)
            WHERE head.delete_time IS NULL
            RETURNING head.bucket
        ),
        charge AS (
            INSERT INTO post_usage AS counter (bucket, owner_user_id, month, units)
            SELECT $1, $2, $3, 1
            FROM head
            WHERE $2::UUID IS NOT NULL AND ($4::BIGINT IS NULL OR $4 > 0)
            ON CONFLICT (bucket, owner_user_id, month) DO UPDATE
            SET units = counter.units + 1
            WHERE $4::BIGINT IS NULL OR counter.units < $4
            RETURNING units
        ),
        post AS (
            INSERT INTO posts (
                bucket, id, workspace_id, author_user_id, created_via_key_id, status, content, scheduled_time,
                draft_scheduled_time, timezone, version, charged_owner_user_id, charged_month, create_time, update_time,
                media_ids, alt_texts, publish_now, released_form
            )
            SELECT $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $2, $3, $16, $16, $25, $26, $28, $29
            FROM head
            WHERE $2::UUID IS NULL OR EXISTS (SELECT FROM charge)
            RETURNING bucket, id, version
        ),
        targets AS (
            INSERT INTO post_targets (
                bucket, id, post_id, position, account_id, platform, status, caption_override, first_comment, options,
                media_ids, alt_texts, due_time, ready_time
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
                target.options,
                target.media_ids::UUID[],
                target.alt_texts::TEXT[],
                CASE WHEN $10 = 'scheduled' THEN $12::TIMESTAMPTZ END,
                CASE WHEN $10 = 'scheduled' THEN $12::TIMESTAMPTZ END
            FROM post, unnest(
                $17::UUID[], $18::UUID[], $19::SMALLINT[], $20::TEXT[], $21::TEXT[], $22::TEXT[], $23::BYTEA[], $24::TEXT[],
                $30::TEXT[]
            ) WITH ORDINALITY
                AS target (
                    id, account_id, platform, status, caption_override, first_comment, options, media_ids, alt_texts,
                    position
                )
        ),
        notice AS (
            INSERT INTO media_notices (bucket, post_id, version, media_ids)
            SELECT post.bucket, post.id, post.version, $27
            FROM post
            WHERE cardinality($27::UUID[]) > 0
        )
        SELECT EXISTS (SELECT FROM head) AS "living!", EXISTS (SELECT FROM post) AS "written!"
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
        &targets.iter().map(|target| media_literal(&target.media_ids)).collect::<Vec<_>>(),
        &row.media_ids as &[MediaId],
        &row.alt_texts,
        &kept as &[MediaId],
        row.publish_now,
        row.released_form,
        &targets.iter().map(text_literal).collect::<Vec<_>>() as &[Option<String>],
    )
    .fetch_one(&mut *connection)
    .await?;
    match (done.living, done.written, charge) {
        (false, _, _) => Ok(Written::WorkspaceDeleted),
        (true, false, Some(charge)) => {
            Ok(Written::AtTheCap { current: fetch_units(connection, charge).await? })
        }
        (true, _, _) => Ok(Written::Yes),
    }
}
