//! Deletes what is kept no longer: old deliveries and events, what is left of deleted webhooks, secrets whose overlap has
//! ended. In small steps that may be interrupted.

use chrono::{DateTime, Utc};

use crate::{store::Store, webhook::delivery::KEPT_FOR};

/// Rows that one statement deletes at the most, so that none runs long.
const AT_ONCE: i64 = 1_000;

impl Store {
    /// Sweeps everything.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_webhooks(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        while self.sweep_deliveries(now).await? > 0 {}
        while self.sweep_events(now).await? > 0 {}
        while self.sweep_deleted_webhooks().await? > 0 {}
        sqlx::query!("DELETE FROM webhook_secrets WHERE expire_time <= $1", now)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    #[tracing::instrument(skip_all, name = "db.webhook_deliveries.sweep", err(level = "debug"))]
    async fn sweep_deliveries(&self, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!(
            r#"
            DELETE FROM webhook_deliveries AS delivery
            USING (
                SELECT bucket, webhook_id, event_id
                FROM webhook_deliveries
                WHERE create_time < $1
                ORDER BY create_time
                LIMIT $2
            ) AS old
            WHERE delivery.bucket = old.bucket
                AND delivery.webhook_id = old.webhook_id
                AND delivery.event_id = old.event_id
            "#,
            now - KEPT_FOR,
            AT_ONCE,
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected())
    }

    #[tracing::instrument(skip_all, name = "db.events.sweep", err(level = "debug"))]
    async fn sweep_events(&self, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!(
            r#"
            DELETE FROM events AS event
            USING (
                SELECT bucket, id
                FROM events
                WHERE create_time < $1
                ORDER BY create_time
                LIMIT $2
            ) AS old
            WHERE event.bucket = old.bucket AND event.id = old.id
            "#,
            now - KEPT_FOR,
            AT_ONCE,
        )
        .execute(self.pool())
        .await?;
        Ok(done.rows_affected())
    }

    /// A deleted webhook's row goes after its deliveries; that of one that went with its workspace stays, to tell that it is out
    /// of reach.
    #[tracing::instrument(skip_all, name = "db.webhooks.sweep", err(level = "debug"))]
    async fn sweep_deleted_webhooks(&self) -> Result<u64, sqlx::Error> {
        let deliveries = sqlx::query!(
            r#"
            DELETE FROM webhook_deliveries AS delivery
            USING (
                SELECT delivery.bucket, delivery.webhook_id, delivery.event_id
                FROM webhooks AS webhook
                JOIN webhook_deliveries AS delivery
                    ON delivery.bucket = webhook.bucket AND delivery.webhook_id = webhook.id
                WHERE webhook.delete_time IS NOT NULL
                LIMIT $1
            ) AS old
            WHERE delivery.bucket = old.bucket
                AND delivery.webhook_id = old.webhook_id
                AND delivery.event_id = old.event_id
            "#,
            AT_ONCE,
        )
        .execute(self.pool())
        .await?;
        if deliveries.rows_affected() > 0 {
            return Ok(deliveries.rows_affected());
        }
        sqlx::query!(
            r#"
            DELETE FROM webhooks AS webhook
            WHERE delete_time IS NOT NULL
                AND NOT EXISTS (
                    SELECT FROM webhook_deliveries AS delivery
                    WHERE delivery.bucket = webhook.bucket AND delivery.webhook_id = webhook.id
                )
                AND NOT EXISTS (
                    SELECT FROM post_heads AS head
                    WHERE head.bucket = webhook.bucket
                        AND head.workspace_id = webhook.workspace_id
                        AND head.delete_time IS NOT NULL
                )
            "#,
        )
        .execute(self.pool())
        .await?;
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use postbreeze_ids::{Bucket, EventId, WebhookId};
    use postbreeze_runtime::{Environment, postgres::Database};
    use postbreeze_testkit::{TurnableClock, postgres::database};
    use sqlx::PgPool;

    use super::*;

    /// A webhook with a delivery of an event that happened at a time.
    async fn webhook(
        pool: &PgPool,
        environment: &Environment,
        happened: DateTime<Utc>,
        deleted: Option<DateTime<Utc>>,
    ) -> WebhookId {
        let bucket = Bucket::new(7).unwrap();
        let id: WebhookId = environment.minter.mint(bucket);
        let event_id: EventId = environment.minter.mint(bucket);
        sqlx::query(
            "WITH webhook AS (
                INSERT INTO webhooks (
                    bucket, id, workspace_id, display_name, url, event_kinds, enabled, enable_time, create_time,
                    update_time, delete_time
                )
                VALUES (7, $1, $1, '', '', '{}', TRUE, $3, $3, $3, $4)
            ),
            event AS (
                INSERT INTO events (bucket, id, workspace_id, kind, subject_id, create_time, relay_time)
                VALUES (7, $2, $1, 'post.failed', $2, $3, $3)
            ),
            secrets AS (
                INSERT INTO webhook_secrets (bucket, webhook_id, number, shown, sealed, create_time, expire_time)
                VALUES (7, $1, 1, '', '', $3, $3 + INTERVAL '7 days'), (7, $1, 2, '', '', $3, NULL)
            )
            INSERT INTO webhook_deliveries (
                bucket, webhook_id, event_id, workspace_id, kind, status, give_up_time, create_time
            )
            VALUES (7, $1, $2, $1, 'post.failed', 'delivered', $3, $3)",
        )
        .bind(id)
        .bind(event_id)
        .bind(happened)
        .bind(deleted)
        .execute(pool)
        .await
        .unwrap();
        id
    }

    async fn count(pool: &PgPool, table: &str) -> i64 {
        let count = match table {
            "webhooks" => "SELECT count(*) FROM webhooks",
            "events" => "SELECT count(*) FROM events",
            "secrets" => "SELECT count(*) FROM webhook_secrets",
            _ => "SELECT count(*) FROM webhook_deliveries",
        };
        sqlx::query_scalar(count).fetch_one(pool).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_kept_no_longer_is_swept_and_nothing_else() {
        let database = database("posts", &crate::MIGRATOR).await;
        let opened = Database::new(database.config(2), &crate::MIGRATOR).unwrap();
        let store = Store::new(&opened);
        let clock = TurnableClock::new();
        let (environment, now) = (Environment::new(clock.clock()), clock.now());
        let pool = database.pool();
        let kept = webhook(pool, &environment, now - TimeDelta::days(1), None).await;
        webhook(pool, &environment, now - TimeDelta::days(31), None).await;
        webhook(pool, &environment, now - TimeDelta::days(1), Some(now)).await;
        store.sweep_webhooks(now).await.unwrap();
        let left: Vec<WebhookId> = sqlx::query_scalar("SELECT webhook_id FROM webhook_deliveries")
            .fetch_all(pool)
            .await
            .unwrap();
        assert_eq!(left, [kept]);
        // The old one stays a webhook; the deleted one's event may have other receivers.
        assert_eq!(count(pool, "webhooks").await, 2);
        assert_eq!(count(pool, "events").await, 2);
        // The overlap of one secret has ended.
        assert_eq!(count(pool, "secrets").await, 5);
        store.sweep_webhooks(now + TimeDelta::days(30)).await.unwrap();
        assert_eq!(count(pool, "deliveries").await, 0);
        assert_eq!(count(pool, "events").await, 0);
        assert_eq!(count(pool, "secrets").await, 3);
    }
}
