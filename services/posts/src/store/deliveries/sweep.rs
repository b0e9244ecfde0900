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

    /// A deleted webhook's row goes after its deliveries.
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
            "#,
        )
        .execute(self.pool())
        .await?;
        Ok(0)
    }
}
