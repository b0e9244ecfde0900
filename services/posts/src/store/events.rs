//! Table `events`: the outbox. What webhooks are told of is written in the transaction of the fact, after the rows of the
//! fact itself.

use chrono::{DateTime, Utc};
use postbreeze_ids::EventId;
use sqlx::PgConnection;

use super::Store;
use crate::{event::Event, webhook::delivery::TRIED_FOR};

/// Writes down events of one moment.
#[tracing::instrument(skip_all, name = "db.events.record", err(level = "debug"))]
pub async fn record(
    connection: &mut PgConnection,
    events: &[Event],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if events.is_empty() {
        return Ok(());
    }
    let kinds: Vec<String> = events.iter().map(|event| event.kind.as_str().to_owned()).collect();
    let data: Vec<String> = events.iter().map(|event| event.subject.data()).collect();
    sqlx::query!(
        r#"
        INSERT INTO events (bucket, id, workspace_id, kind, subject_id, data, create_time)
        SELECT event.bucket, event.id, event.workspace_id, event.kind, event.subject_id, event.data, $7
        FROM unnest($1::SMALLINT[], $2::UUID[], $3::UUID[], $4::TEXT[], $5::UUID[], $6::TEXT[])
            AS event (bucket, id, workspace_id, kind, subject_id, data)
        "#,
        &events.iter().map(|event| event.workspace_id.bucket().as_i16()).collect::<Vec<_>>(),
        &events.iter().map(|event| event.id.uuid()).collect::<Vec<_>>(),
        &events.iter().map(|event| event.workspace_id.uuid()).collect::<Vec<_>>(),
        &kinds,
        &events.iter().map(|event| event.subject.id()).collect::<Vec<_>>(),
        &data,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Events whose deliveries were not made yet, the oldest first.
    #[tracing::instrument(skip_all, name = "db.events.waiting", err(level = "debug"))]
    pub async fn waiting_events(&self, limit: i64) -> Result<Vec<EventId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT id AS "id: EventId"
            FROM events
            WHERE relay_time IS NULL
            ORDER BY id
            LIMIT $1
            "#,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Makes the deliveries of events, one for each webhook that is to be told of one, unless they were made, or are being
    /// made. Answers how many. Webhooks are locked by id.
    #[tracing::instrument(skip_all, name = "db.events.relay", err(level = "debug"))]
    pub async fn relay_events(
        &self,
        ids: &[EventId],
        now: DateTime<Utc>,
    ) -> Result<u64, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        let made = sqlx::query!(
            r#"
            WITH waiting AS (
                SELECT event.bucket, event.id
                FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
                JOIN events AS event ON event.bucket = wanted.bucket AND event.id = wanted.id
                WHERE event.relay_time IS NULL
                ORDER BY event.id
                FOR UPDATE OF event SKIP LOCKED
            ),
            event AS (
                UPDATE events AS event
                SET relay_time = $3
                FROM waiting
                WHERE event.bucket = waiting.bucket AND event.id = waiting.id
                RETURNING event.bucket, event.id, event.workspace_id, event.kind, event.create_time
            ),
            told AS (
                SELECT
                    webhook.bucket,
                    webhook.id AS webhook_id,
                    event.id AS event_id,
                    event.workspace_id,
                    event.kind,
                    event.create_time
                FROM event
                JOIN webhooks AS webhook
                    ON webhook.bucket = event.bucket AND webhook.workspace_id = event.workspace_id
                WHERE webhook.delete_time IS NULL
                    AND webhook.enabled
                    AND webhook.enable_time <= event.create_time
                    AND event.kind = ANY(webhook.event_kinds)
                ORDER BY webhook.id
                FOR UPDATE OF webhook
            ),
            woken AS (
                UPDATE webhooks AS webhook
                SET due_time = LEAST(COALESCE(webhook.due_time, $3), $3)
                FROM told
                WHERE webhook.bucket = told.bucket AND webhook.id = told.webhook_id
            )
            INSERT INTO webhook_deliveries (
                bucket, webhook_id, event_id, workspace_id, kind, status, next_time, give_up_time, create_time
            )
            SELECT bucket, webhook_id, event_id, workspace_id, kind, 'pending', $3, $4, create_time
            FROM told
            ON CONFLICT (bucket, webhook_id, event_id) DO NOTHING
            "#,
            &buckets,
            ids as &[EventId],
            now,
            now + TRIED_FOR,
        )
        .execute(self.pool())
        .await?;
        Ok(made.rows_affected())
    }
}
