//! Whether anything is due, of several tables at once: each by the index of what is.

use chrono::{DateTime, Utc};

use super::Store;

/// Something that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Events whose deliveries were not made yet.
    Events,
    /// Deliveries.
    Deliveries,
    /// Replies that are to be looked for.
    Replies,
    /// Comments of some account.
    Comments,
}

impl Store {
    /// Tells what is due.
    #[tracing::instrument(skip_all, name = "db.look_out", err(level = "debug"))]
    pub async fn look_out(&self, now: DateTime<Utc>) -> Result<Vec<Due>, sqlx::Error> {
        let mut lease = self.lease().await?;
        let found = sqlx::query!(
            r#"
            SELECT
                EXISTS (SELECT FROM events WHERE relay_time IS NULL) AS "events!",
                EXISTS (SELECT FROM webhooks WHERE due_time <= $1 AND delete_time IS NULL) AS "deliveries!",
                EXISTS (SELECT FROM comments WHERE reply_due_time <= $1) AS "replies!",
                EXISTS (
                    SELECT FROM comment_feeds
                    WHERE due_time <= $1 AND (lease_time IS NULL OR lease_time <= $1)
                ) AS "comments!"
            "#,
            now,
        )
        .fetch_one(lease.connection())
        .await;
        let found = lease.end(found)?;
        let all = [
            (Due::Events, found.events),
            (Due::Deliveries, found.deliveries),
            (Due::Replies, found.replies),
            (Due::Comments, found.comments),
        ];
        Ok(all.into_iter().filter(|(_, is_due)| *is_due).map(|(what, _)| what).collect())
    }
}
