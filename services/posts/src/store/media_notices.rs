//! Table `media_notices`: what `media` must be told of the media that posts keep, one row per post. A row is written in
//! the transaction of the change it tells of (for a new post: see `insert_post`) and deleted once it was told.

use std::collections::BTreeSet;

use postbreeze_ids::{MediaId, PostId};
use sqlx::PgConnection;

use super::{Store, targets::media_literal};

/// A row of `media_notices`.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The post.
    pub post_id: PostId,
    /// The post's version.
    pub version: i64,
    /// What it keeps as of this version, and no more.
    pub media_ids: Vec<MediaId>,
}

/// Notes what a locked post keeps from its new version on, in the place of what was noted before.
#[tracing::instrument(skip_all, name = "db.media_notices.save", err(level = "debug"))]
pub async fn save_notice(
    connection: &mut PgConnection,
    post_id: PostId,
    version: i64,
    kept: &BTreeSet<MediaId>,
) -> Result<(), sqlx::Error> {
    let kept: Vec<MediaId> = kept.iter().copied().collect();
    sqlx::query!(
        r#"
        INSERT INTO media_notices (bucket, post_id, version, media_ids)
        VALUES ($1, $2, $3, $4)
        ON CONFLICT (bucket, post_id) DO UPDATE
        SET version = excluded.version,
            media_ids = excluded.media_ids
        "#,
        post_id.bucket().as_i16(),
        post_id as PostId,
        version,
        &kept as &[MediaId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Notes what locked posts keep from their new versions on, in the place of what was noted before.
#[tracing::instrument(skip_all, name = "db.media_notices.save_many", err(level = "debug"))]
pub async fn save_notices(
    connection: &mut PgConnection,
    notices: &[Notice],
) -> Result<(), sqlx::Error> {
    if notices.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        INSERT INTO media_notices (bucket, post_id, version, media_ids)
        SELECT notice.bucket, notice.post_id, notice.version, notice.media_ids::UUID[]
        FROM unnest($1::SMALLINT[], $2::UUID[], $3::BIGINT[], $4::TEXT[])
            AS notice (bucket, post_id, version, media_ids)
        ON CONFLICT (bucket, post_id) DO UPDATE
        SET version = excluded.version,
            media_ids = excluded.media_ids
        "#,
        &notices.iter().map(|notice| notice.post_id.bucket().as_i16()).collect::<Vec<_>>(),
        &notices.iter().map(|notice| notice.post_id.uuid()).collect::<Vec<_>>(),
        &notices.iter().map(|notice| notice.version).collect::<Vec<_>>(),
        &notices.iter().map(|notice| media_literal(&notice.media_ids)).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes what is noted of locked posts of a workspace that was deleted: `media` learns that by itself.
#[tracing::instrument(skip_all, name = "db.media_notices.drop", err(level = "debug"))]
pub(super) async fn drop_notices(
    connection: &mut PgConnection,
    bucket: i16,
    post_ids: &[PostId],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM media_notices WHERE bucket = $1 AND post_id = ANY($2)",
        bucket,
        post_ids as &[PostId],
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Notices after that of a post, in the order of their keys.
    #[tracing::instrument(skip_all, name = "db.media_notices.list", err(level = "debug"))]
    pub async fn media_notices(
        &self,
        after: PostId,
        limit: i64,
    ) -> Result<Vec<Notice>, sqlx::Error> {
        sqlx::query_as!(
            Notice,
            r#"
            SELECT
                post_id AS "post_id: PostId",
                version,
                media_ids AS "media_ids: Vec<MediaId>"
            FROM media_notices
            WHERE (bucket, post_id) > ($1, $2)
            ORDER BY bucket, post_id
            LIMIT $3
            "#,
            after.bucket().as_i16(),
            after as PostId,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Deletes a notice that was told, unless the post has changed what it keeps since.
    #[tracing::instrument(skip_all, name = "db.media_notices.forget", err(level = "debug"))]
    pub async fn forget_notice(&self, notice: &Notice) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "DELETE FROM media_notices WHERE bucket = $1 AND post_id = $2 AND version = $3",
            notice.post_id.bucket().as_i16(),
            notice.post_id as PostId,
            notice.version,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
