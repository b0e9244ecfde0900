//! Which targets wait for something (`post_targets.due_time`), who deals with them, and finding what fell through.

use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{AccountId, PostId, TargetId};
use uuid::Uuid;

use super::{Store, outgoing::lock};

/// A target that is, or soon will be, to be dealt with.
#[derive(Debug, Clone, Copy)]
pub struct DueTarget {
    /// The target.
    pub id: TargetId,
    /// Its post.
    pub post_id: PostId,
    /// The account it goes to.
    pub account_id: AccountId,
    /// When.
    pub due_time: DateTime<Utc>,
}

/// A target that this process deals with.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    /// The target.
    pub id: TargetId,
    /// Its post.
    pub post_id: PostId,
    /// The right that it is dealt with by.
    pub version: i64,
}

impl Store {
    /// The targets that are due first, from one time to another, but for those of some accounts. Locks nothing.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.due", err(level = "debug"))]
    pub async fn read_due(
        &self,
        due: RangeInclusive<DateTime<Utc>>,
        but_of: &[AccountId],
        limit: i64,
    ) -> Result<Vec<DueTarget>, sqlx::Error> {
        let mut lease = self.lease().await?;
        let found = sqlx::query_as!(
            DueTarget,
            r#"
            SELECT
                id AS "id: TargetId",
                post_id AS "post_id: PostId",
                account_id AS "account_id: AccountId",
                due_time AS "due_time!"
            FROM post_targets
            WHERE due_time >= $1 AND due_time <= $2 AND account_id <> ALL($3)
            ORDER BY due_time
            LIMIT $4
            "#,
            due.start(),
            due.end(),
            but_of as &[AccountId],
            limit,
        )
        .fetch_all(lease.connection())
        .await;
        lease.end(found)
    }

    /// The targets of each of some accounts that are due first, up to a time and so many of each. Locks nothing.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.due_of", err(level = "debug"))]
    pub async fn read_due_of(
        &self,
        accounts: &[AccountId],
        until: DateTime<Utc>,
        limit_each: i64,
    ) -> Result<Vec<DueTarget>, sqlx::Error> {
        let buckets: Vec<i16> = accounts.iter().map(|id| id.bucket().as_i16()).collect();
        let mut lease = self.lease().await?;
        let found = sqlx::query_as!(
            DueTarget,
            r#"
            SELECT
                due.id AS "id!: TargetId",
                due.post_id AS "post_id!: PostId",
                wanted.account_id AS "account_id!: AccountId",
                due.due_time AS "due_time!"
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, account_id)
            CROSS JOIN LATERAL (
                SELECT target.id, target.post_id, target.due_time
                FROM post_targets AS target
                WHERE target.bucket = wanted.bucket
                    AND target.account_id = wanted.account_id
                    AND target.due_time <= $3
                ORDER BY target.due_time
                LIMIT $4
            ) AS due
            "#,
            &buckets,
            accounts as &[AccountId],
            until,
            limit_each,
        )
        .fetch_all(lease.connection())
        .await;
        lease.end(found)
    }

    /// When the oldest target became due that was not sent yet; none: none is. What was withheld is due again later, and has
    /// been due since it was first to be sent.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.oldest_due", err(level = "debug"))]
    pub async fn oldest_unsent(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
        let mut lease = self.lease().await?;
        let found = sqlx::query_scalar!(
            r#"
            SELECT LEAST(
                (
                    SELECT due_time
                    FROM post_targets
                    WHERE due_time <= $1 AND status = 'pending'
                    ORDER BY due_time
                    LIMIT 1
                ),
                (
                    SELECT min(first_try_time)
                    FROM post_targets
                    WHERE status = 'pending' AND tries = 0 AND first_try_time IS NOT NULL
                )
            )
            "#,
            now,
        )
        .fetch_one(lease.connection())
        .await;
        lease.end(found)
    }

    /// Keeps targets from being taken over until a time, as far as this process still deals with them. Those whose posts
    /// are being changed are left for the next time.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.renew", err(level = "debug"))]
    pub async fn renew(
        &self,
        held: &[Held],
        until: DateTime<Utc>,
    ) -> Result<Vec<TargetId>, sqlx::Error> {
        let mut posts: Vec<PostId> = held.iter().map(|one| one.post_id).collect();
        posts.sort_unstable();
        posts.dedup();
        let mut transaction = self.begin().await?;
        let locked = lock(&mut transaction, &posts, false).await?;
        let held: Vec<&Held> = held.iter().filter(|one| locked.contains(&one.post_id)).collect();
        let renewed = sqlx::query_scalar!(
            r#"
            UPDATE post_targets AS target
            SET due_time = $4
            FROM unnest($1::SMALLINT[], $2::UUID[], $3::BIGINT[]) AS held (bucket, id, version)
            WHERE target.bucket = held.bucket
                AND target.id = held.id
                AND target.version = held.version
                AND (
                    target.status IN ('publishing', 'unknown')
                    OR target.first_comment_status IN ('publishing', 'unknown')
                )
            RETURNING target.id AS "id: TargetId"
            "#,
            &held.iter().map(|one| one.id.bucket().as_i16()).collect::<Vec<_>>(),
            &held.iter().map(|one| one.id.uuid()).collect::<Vec<Uuid>>(),
            &held.iter().map(|one| one.version).collect::<Vec<_>>(),
            until,
        )
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(renewed)
    }

    /// Puts a target off that cannot be dealt with now: by a tenth of the time for which it has waited, by
    /// half an hour at most.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.put_off", err(level = "debug"))]
    pub async fn put_off(
        &self,
        id: TargetId,
        now: DateTime<Utc>,
        least: TimeDelta,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE post_targets
            SET due_time = $3::TIMESTAMPTZ + LEAST(
                INTERVAL '30 minutes',
                GREATEST(make_interval(secs => $4), ($3 - COALESCE(first_try_time, ready_time, due_time)) / 10)
            )
            WHERE bucket = $1 AND id = $2 AND due_time <= $3
            "#,
            id.bucket().as_i16(),
            id as TargetId,
            now,
            least.as_seconds_f64(),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Finds what fell through among the posts of some buckets, such as what an older version of this service scheduled:
    /// targets that should have gone out by a time and wait for nothing. Answers how many there were.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.post_targets.mend", err(level = "debug"))]
    pub async fn mend_due(
        &self,
        buckets: std::ops::Range<i16>,
        by: DateTime<Utc>,
    ) -> Result<u64, sqlx::Error> {
        let found = sqlx::query!(
            r#"
            SELECT post.id AS "id: PostId"
            FROM posts AS post
            WHERE post.bucket >= $1
                AND post.bucket < $2
                AND post.delete_time IS NULL
                -- As the index of open posts says it, so that it is used.
                AND post.status IN ('needs_approval', 'scheduled', 'publishing', 'partially_published')
                AND post.status IN ('scheduled', 'publishing')
                AND post.scheduled_time < $3
                AND post.update_time < $3
                AND EXISTS (
                    SELECT FROM post_targets AS target
                    WHERE target.bucket = post.bucket
                        AND target.post_id = post.id
                        AND target.status IN ('pending', 'publishing')
                        AND target.due_time IS NULL
                )
            ORDER BY post.id
            LIMIT 500
            "#,
            buckets.start,
            buckets.end,
            by,
        )
        .fetch_all(self.pool())
        .await?;
        let ids: Vec<PostId> = found.into_iter().map(|row| row.id).collect();
        if ids.is_empty() {
            return Ok(0);
        }
        let mut transaction = self.begin().await?;
        let locked = lock(&mut transaction, &ids, false).await?;
        let mended = sqlx::query!(
            r#"
            UPDATE post_targets AS target
            SET due_time = post.scheduled_time
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN posts AS post ON post.bucket = wanted.bucket AND post.id = wanted.id
            WHERE target.bucket = post.bucket
                AND target.post_id = post.id
                AND post.delete_time IS NULL
                AND post.status IN ('scheduled', 'publishing')
                AND target.status IN ('pending', 'publishing')
                AND target.due_time IS NULL
            "#,
            &locked.iter().map(|id| id.bucket().as_i16()).collect::<Vec<_>>(),
            &locked as &[PostId],
        )
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(mended.rows_affected())
    }
}

#[cfg(test)]
mod tests;
