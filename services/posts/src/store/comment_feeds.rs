//! Table `comment_feeds`: the accounts whose comments are fetched, each by one at a time, whoever that is.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::AccountId;

use super::Store;

/// How long one may fetch the comments of an account: whoever has not given it back by then has died.
pub const LEASE: TimeDelta = TimeDelta::minutes(3);

/// The right to fetch the comments of an account.
#[derive(Debug, Clone, Copy)]
pub struct TakenFeed {
    /// The account.
    pub account_id: AccountId,
    /// What the right is known by.
    pub version: i64,
    /// Fetches that failed one after another.
    pub failures: i32,
}

/// How fetching the comments of an account ended.
#[derive(Debug, Clone, Copy)]
pub enum FeedEnd {
    /// As it should.
    Well,
    /// The account is left alone until then.
    Failed(DateTime<Utc>),
}

impl Store {
    /// Accounts that have something due, the longest waiting first.
    #[tracing::instrument(skip_all, name = "db.comment_feeds.due", err(level = "debug"))]
    pub async fn due_feeds(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<AccountId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT account_id AS "account_id: AccountId"
            FROM comment_feeds
            WHERE due_time <= $1 AND (lease_time IS NULL OR lease_time <= $1)
            ORDER BY due_time
            LIMIT $2
            "#,
            now,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Takes an account that has something due; `None` when another was first.
    #[tracing::instrument(skip_all, name = "db.comment_feeds.take_due", err(level = "debug"))]
    pub async fn take_due_feed(
        &self,
        account_id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Option<TakenFeed>, sqlx::Error> {
        sqlx::query_as!(
            TakenFeed,
            r#"
            UPDATE comment_feeds
            SET version = version + 1, lease_time = $4
            WHERE bucket = $1
                AND account_id = $2
                AND due_time <= $3
                AND (lease_time IS NULL OR lease_time <= $3)
            RETURNING account_id AS "account_id: AccountId", version, failure_count AS failures
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            now,
            now + LEASE,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Takes an account because somebody wishes it; `None` when its comments are being fetched, or its network asked to be
    /// left alone for longer.
    #[tracing::instrument(skip_all, name = "db.comment_feeds.take", err(level = "debug"))]
    pub async fn take_feed(
        &self,
        account_id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Option<TakenFeed>, sqlx::Error> {
        sqlx::query_as!(
            TakenFeed,
            r#"
            UPDATE comment_feeds
            SET version = version + 1, lease_time = $4
            WHERE bucket = $1
                AND account_id = $2
                AND (lease_time IS NULL OR lease_time <= $3)
                AND (wait_time IS NULL OR wait_time <= $3)
            RETURNING account_id AS "account_id: AccountId", version, failure_count AS failures
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            now,
            now + LEASE,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Gives an account back, and says when something of it is due. `wait`: until when the network asked to be left alone.
    #[tracing::instrument(skip_all, name = "db.comment_feeds.give_back", err(level = "debug"))]
    pub async fn give_back_feed(
        &self,
        feed: TakenFeed,
        end: FeedEnd,
        wait: Option<DateTime<Utc>>,
    ) -> Result<(), sqlx::Error> {
        let pause = match end {
            FeedEnd::Well => None,
            FeedEnd::Failed(until) => Some(until),
        };
        sqlx::query!(
            r#"
            UPDATE comment_feeds
            SET lease_time = NULL,
                wait_time = $4,
                failure_count = CASE WHEN $5::TIMESTAMPTZ IS NULL THEN 0 ELSE failure_count + 1 END,
                due_time = CASE WHEN next.time IS NULL THEN NULL ELSE GREATEST(next.time, $5) END
            FROM (
                SELECT min(next_time) AS time
                FROM comment_sources
                WHERE bucket = $1 AND account_id = $2
            ) AS next
            WHERE bucket = $1 AND account_id = $2 AND version = $3
            "#,
            feed.account_id.bucket().as_i16(),
            feed.account_id as AccountId,
            feed.version,
            wait,
            pause,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
