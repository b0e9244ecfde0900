//! What is due: media that end by themselves, bytes to be deleted, holds that lapse. Found without locks, then dealt with one
//! by one, each under its lock: any process may die at any step, and several may do the same.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_context::Denied;
use postbreeze_ids::{MediaId, PostId, WorkspaceId};
use sqlx::PgConnection;

use super::{
    Store,
    media::{
        endings::{discard, reject},
        lock_medium,
    },
};
use crate::{
    error::Error,
    medium::{MediaStatus, purged_again},
};

/// Rows that one look finds at the most.
const BATCH: i64 = 100;
/// Rows that one statement of a sweep deletes at the most.
const SWEPT: i64 = 1_000;
/// How long a post that keeps nothing is remembered: far longer than what it said earlier can be under way.
const IDLE_POSTS_STAY: TimeDelta = TimeDelta::days(7);

/// Bytes to be deleted.
#[derive(Debug, Clone)]
pub(crate) struct Purge {
    /// The medium.
    pub(crate) id: MediaId,
    /// Its workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// Names an unfinished ingestion to the object store.
    pub(crate) upload_id: Option<String>,
    status: String,
    create_time: DateTime<Utc>,
    upload_expire_time: Option<DateTime<Utc>>,
    size_bytes: i64,
    due_time: DateTime<Utc>,
}

impl Purge {
    /// When the bytes must be deleted once more, if they were deleted now.
    pub(crate) fn again(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // Of a status that this version does not know nothing can be said but that it is none that is written to.
        let status = MediaStatus::parse(&self.status).unwrap_or(MediaStatus::Rejected);
        purged_again(now, status, self.create_time, self.upload_expire_time, self.size_bytes)
    }
}

impl Store {
    /// Media that end by themselves, the longest due first.
    #[tracing::instrument(skip_all, name = "db.media.lapsed", err(level = "debug"))]
    pub(crate) async fn lapsed_media(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<MediaId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT id AS "id: MediaId"
            FROM media
            WHERE lapse_time <= $1
            ORDER BY lapse_time
            LIMIT $2
            "#,
            now,
            BATCH,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Ends a medium that is still due.
    pub(crate) async fn end_lapsed(&self, id: MediaId, now: DateTime<Utc>) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        let Some(mut row) = lock_medium(&mut transaction, id).await? else { return Ok(()) };
        if row.lapse_time.is_none_or(|due| due > now) {
            return Ok(());
        }
        match row.status()? {
            MediaStatus::PendingUpload => reject(&mut transaction, &mut row, now).await?,
            MediaStatus::Ingesting | MediaStatus::Rejected => {
                discard(&mut transaction, &mut row, now).await?;
            }
            MediaStatus::Ready => return Ok(()),
        }
        Ok(transaction.commit().await?)
    }

    /// Writes down, before any byte is sent, what an ingestion is called by the object store.
    #[tracing::instrument(skip_all, name = "db.media.note_upload", err(level = "debug"))]
    pub(crate) async fn note_upload(&self, id: MediaId, upload_id: &str) -> Result<(), Error> {
        let done = sqlx::query!(
            r#"
            UPDATE media
            SET upload_id = $3
            WHERE bucket = $1 AND id = $2 AND status = 'ingesting' AND delete_time IS NULL
            "#,
            id.bucket().as_i16(),
            id as MediaId,
            upload_id,
        )
        .execute(self.pool())
        .await?;
        // Deleted with its workspace meanwhile.
        if done.rows_affected() == 1 { Ok(()) } else { Err(Denied::OutOfReach.into()) }
    }

    /// Deletes an ingestion that came to nothing, and that nobody works on any more.
    pub(crate) async fn discard_ingestion(
        &self,
        id: MediaId,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut transaction = self.begin().await?;
        match lock_medium(&mut transaction, id).await? {
            Some(mut row) if row.status()? == MediaStatus::Ingesting => {
                MediaStatus::Rejected.as_str().clone_into(&mut row.status);
                discard(&mut transaction, &mut row, now).await?;
                Ok(transaction.commit().await?)
            }
            _ => Ok(()),
        }
    }

    /// Bytes that are to be deleted, the longest due first.
    #[tracing::instrument(skip_all, name = "db.media.purges", err(level = "debug"))]
    pub(crate) async fn due_purges(&self, now: DateTime<Utc>) -> Result<Vec<Purge>, sqlx::Error> {
        sqlx::query_as!(
            Purge,
            r#"
            SELECT
                id AS "id: MediaId",
                workspace_id AS "workspace_id: WorkspaceId",
                upload_id,
                status,
                create_time,
                upload_expire_time,
                size_bytes,
                purge_time AS "due_time!"
            FROM media
            WHERE purge_time <= $1
            ORDER BY purge_time
            LIMIT $2
            "#,
            now,
            BATCH,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Sets another time for bytes to be deleted.
    #[tracing::instrument(skip_all, name = "db.media.purge_again", err(level = "debug"))]
    pub(crate) async fn purge_again(
        &self,
        purge: &Purge,
        at: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE media SET purge_time = $4 WHERE bucket = $1 AND id = $2 AND purge_time = $3",
            purge.id.bucket().as_i16(),
            purge.id as MediaId,
            purge.due_time,
            at,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Writes down that bytes have gone for good: a deleted medium's row goes too, but in a deleted workspace, where it
    /// tells for ever that the id is one of there.
    #[tracing::instrument(skip_all, name = "db.media.purged", err(level = "debug"))]
    pub(crate) async fn purged(&self, purge: &Purge) -> Result<(), sqlx::Error> {
        let bucket = purge.id.bucket().as_i16();
        let mut transaction = self.begin().await?;
        // Only a medium that was READY is used, and that one has been deleted.
        forget_uses(&mut transaction, purge.id).await?;
        sqlx::query!(
            r#"
            DELETE FROM media AS medium
            WHERE medium.bucket = $1
                AND medium.id = $2
                AND medium.purge_time = $3
                AND medium.delete_time IS NOT NULL
                AND NOT EXISTS (
                    SELECT 1
                    FROM media_workspaces AS workspace
                    WHERE workspace.bucket = medium.bucket
                        AND workspace.workspace_id = medium.workspace_id
                        AND workspace.delete_time IS NOT NULL
                )
            "#,
            bucket,
            purge.id as MediaId,
            purge.due_time,
        )
        .execute(&mut *transaction)
        .await?;
        sqlx::query!(
            "UPDATE media SET purge_time = NULL, upload_id = NULL WHERE bucket = $1 AND id = $2 AND purge_time = $3",
            bucket,
            purge.id as MediaId,
            purge.due_time,
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await
    }

    /// Forgets holds that have lapsed, and posts that keep nothing and have not been heard of for long.
    #[tracing::instrument(skip_all, name = "db.media_uses.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_uses(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        // Each in the order of its key, as whoever holds and keeps does.
        loop {
            let swept = sqlx::query!(
                r#"
                WITH lapsed AS (
                    SELECT bucket, post_id, post_version, media_id
                    FROM media_uses
                    WHERE hold_expire_time <= $1
                    ORDER BY bucket, post_id, post_version, media_id
                    LIMIT $2
                    FOR UPDATE
                )
                DELETE FROM media_uses AS hold
                USING lapsed
                WHERE hold.bucket = lapsed.bucket
                    AND hold.post_id = lapsed.post_id
                    AND hold.post_version = lapsed.post_version
                    AND hold.media_id = lapsed.media_id
                "#,
                now,
                SWEPT,
            )
            .execute(self.pool())
            .await?;
            if swept.rows_affected() == 0 {
                break;
            }
        }
        loop {
            let swept = sqlx::query!(
                r#"
                WITH idle AS (
                    SELECT bucket, post_id
                    FROM media_posts
                    WHERE NOT keeps_any AND update_time <= $1
                    ORDER BY bucket, post_id
                    LIMIT $2
                    FOR UPDATE
                )
                DELETE FROM media_posts AS post
                USING idle
                WHERE post.bucket = idle.bucket AND post.post_id = idle.post_id
                "#,
                now - IDLE_POSTS_STAY,
                SWEPT,
            )
            .execute(self.pool())
            .await?;
            if swept.rows_affected() == 0 {
                return Ok(());
            }
        }
    }
}

/// Forgets who used a medium, and of posts that used nothing else that they keep any.
async fn forget_uses(connection: &mut PgConnection, id: MediaId) -> Result<(), sqlx::Error> {
    let bucket = id.bucket().as_i16();
    let posts = sqlx::query_scalar!(
        r#"
        SELECT post.post_id AS "post_id: PostId"
        FROM media_posts AS post
        WHERE post.bucket = $1
            AND post.post_id IN (
                SELECT post_id
                FROM media_uses
                WHERE bucket = $1 AND media_id = $2
            )
        ORDER BY post.post_id
        FOR NO KEY UPDATE
        "#,
        bucket,
        id as MediaId,
    )
    .fetch_all(&mut *connection)
    .await?;
    if posts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "DELETE FROM media_uses WHERE bucket = $1 AND media_id = $2",
        bucket,
        id as MediaId,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        r#"
        UPDATE media_posts AS post
        SET keeps_any = FALSE
        WHERE post.bucket = $1
            AND post.post_id = ANY($2)
            AND NOT EXISTS (
                SELECT 1
                FROM media_uses AS used
                WHERE used.bucket = post.bucket AND used.post_id = post.post_id
            )
        "#,
        bucket,
        &posts as &[PostId],
    )
    .execute(&mut *connection)
    .await?;
    Ok(())
}
