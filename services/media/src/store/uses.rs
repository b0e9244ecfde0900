//! Tables `media_posts` and `media_uses`: which posts keep which media from being deleted.
//!
//! Whoever uses a medium locks its row as shared, whoever deletes it as its own: of the two one comes first, and the other
//! sees it.

use chrono::{DateTime, Utc};
use postbreeze_ids::{MediaId, PostId};
use sqlx::{PgConnection, PgTransaction};

/// A post that holds or keeps media, at a version.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    /// The post.
    pub(crate) post_id: PostId,
    /// The version that it has or will have.
    pub(crate) version: i64,
}

/// The posts that use a medium.
#[derive(Debug, Clone)]
pub(crate) struct Users {
    /// How many.
    pub(crate) count: i64,
    /// Some of them.
    pub(crate) first: Vec<PostId>,
}

/// Of the media that a request names those that a post may use, locked so that they stay.
async fn lock_usable(
    connection: &mut PgConnection,
    ids: &[MediaId],
) -> Result<Vec<MediaId>, sqlx::Error> {
    let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
    sqlx::query_scalar!(
        r#"
        SELECT medium.id AS "id: MediaId"
        FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
        JOIN media AS medium ON medium.bucket = wanted.bucket AND medium.id = wanted.id
        WHERE medium.delete_time IS NULL AND medium.status = 'ready'
        ORDER BY medium.id
        FOR SHARE OF medium
        "#,
        &buckets,
        ids as &[MediaId],
    )
    .fetch_all(connection)
    .await
}

/// Holds media for a version of a post. Answers the first that cannot be held, and then nothing was written.
#[tracing::instrument(skip_all, name = "db.media_uses.hold", err(level = "debug"))]
pub(crate) async fn hold(
    mut transaction: PgTransaction<'static>,
    user: User,
    ids: &[MediaId],
    now: DateTime<Utc>,
    expire_time: DateTime<Utc>,
) -> Result<Option<MediaId>, sqlx::Error> {
    let kept_version = lock_post(&mut transaction, user.post_id, now).await?;
    let usable = lock_usable(&mut transaction, ids).await?;
    if let Some(gone) = ids.iter().find(|id| usable.binary_search(id).is_err()) {
        return Ok(Some(*gone));
    }
    // What the post has said of this version counts, whatever it held before.
    if user.version > kept_version {
        sqlx::query!(
            r#"
            INSERT INTO media_uses AS hold (bucket, post_id, post_version, media_id, hold_expire_time)
            SELECT $1, $2, $3, media_id, $5
            FROM unnest($4::UUID[]) AS media_id
            ON CONFLICT (bucket, post_id, post_version, media_id) DO UPDATE
            SET hold_expire_time = excluded.hold_expire_time
            "#,
            user.post_id.bucket().as_i16(),
            user.post_id as PostId,
            user.version,
            &usable as &[MediaId],
            expire_time,
        )
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
    Ok(None)
}

/// Writes down what a version of a post keeps, in the place of everything up to that version. A version that is not newer
/// than the last changes nothing. A medium that has gone meanwhile is not kept; answers all of those.
#[tracing::instrument(skip_all, name = "db.media_uses.keep", err(level = "debug"))]
pub(crate) async fn keep(
    mut transaction: PgTransaction<'static>,
    user: User,
    ids: &[MediaId],
    now: DateTime<Utc>,
) -> Result<Vec<MediaId>, sqlx::Error> {
    let bucket = user.post_id.bucket().as_i16();
    if lock_post(&mut transaction, user.post_id, now).await? >= user.version {
        return Ok(Vec::new());
    }
    let usable = lock_usable(&mut transaction, ids).await?;
    sqlx::query!(
        r#"
        UPDATE media_posts
        SET kept_version = $3, keeps_any = $4
        WHERE bucket = $1 AND post_id = $2
        "#,
        bucket,
        user.post_id as PostId,
        user.version,
        !usable.is_empty(),
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        "DELETE FROM media_uses WHERE bucket = $1 AND post_id = $2 AND post_version <= $3",
        bucket,
        user.post_id as PostId,
        user.version,
    )
    .execute(&mut *transaction)
    .await?;
    sqlx::query!(
        r#"
        INSERT INTO media_uses (bucket, post_id, post_version, media_id)
        SELECT $1, $2, $3, media_id
        FROM unnest($4::UUID[]) AS media_id
        "#,
        bucket,
        user.post_id as PostId,
        user.version,
        &usable as &[MediaId],
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(ids.iter().filter(|id| usable.binary_search(id).is_err()).copied().collect())
}

/// Locks a post, and answers the version of which it has said last what it keeps.
async fn lock_post(
    connection: &mut PgConnection,
    post_id: PostId,
    now: DateTime<Utc>,
) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        INSERT INTO media_posts AS post (bucket, post_id, kept_version, keeps_any, update_time)
        VALUES ($1, $2, 0, FALSE, $3)
        ON CONFLICT (bucket, post_id) DO UPDATE
        SET update_time = GREATEST(post.update_time, excluded.update_time)
        RETURNING kept_version
        "#,
        post_id.bucket().as_i16(),
        post_id as PostId,
        now,
    )
    .fetch_one(connection)
    .await
}

/// The posts that use a medium whose row is locked: those that keep it, and those whose hold has not lapsed.
#[tracing::instrument(skip_all, name = "db.media_uses.users", err(level = "debug"))]
pub(crate) async fn users_of(
    connection: &mut PgConnection,
    id: MediaId,
    now: DateTime<Utc>,
    most: i64,
) -> Result<Users, sqlx::Error> {
    let rows = sqlx::query!(
        r#"
        SELECT post_id AS "post_id: PostId", count(*) OVER () AS "count!"
        FROM media_uses
        WHERE bucket = $1 AND media_id = $2 AND (hold_expire_time IS NULL OR hold_expire_time > $3)
        GROUP BY post_id
        ORDER BY post_id DESC
        LIMIT $4
        "#,
        id.bucket().as_i16(),
        id as MediaId,
        now,
        most,
    )
    .fetch_all(connection)
    .await?;
    Ok(Users {
        count: rows.first().map_or(0, |row| row.count),
        first: rows.into_iter().map(|row| row.post_id).collect(),
    })
}
