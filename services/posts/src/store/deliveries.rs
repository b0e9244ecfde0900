//! Table `webhook_deliveries`: what is shown of it, and sending again by hand. Taking deliveries and writing outcomes:
//! [`queue`]; old ones: [`sweep`].

pub mod queue;
pub mod sweep;

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{EventId, WebhookId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Store, webhooks::WebhookRow};
use crate::webhook::delivery::{DeliveryStatus, TRIED_FOR};

/// A row of `webhook_deliveries`.
#[derive(Debug, Clone)]
pub struct DeliveryRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
    /// Their workspace.
    pub workspace_id: WorkspaceId,
    /// Name of the event's kind.
    pub kind: String,
    /// Name of a `DeliveryStatus`.
    pub status: String,
    /// Attempts made.
    pub attempt_count: i32,
    /// When the next attempt is due, or the one under way is given up.
    pub next_time: Option<DateTime<Utc>>,
    /// Whether an attempt is under way.
    pub leased: bool,
    /// When the last attempt was made.
    pub last_attempt_time: Option<DateTime<Utc>>,
    /// HTTP status of the last answer.
    pub last_status: Option<i32>,
    /// Why the last attempt failed.
    pub last_error: String,
    /// When the event happened.
    pub create_time: DateTime<Utc>,
}

impl Store {
    /// A page of a webhook's deliveries, newest event first, below an event. `statuses`: their names; empty: all.
    #[tracing::instrument(skip_all, name = "db.webhook_deliveries.list", err(level = "debug"))]
    pub async fn list_deliveries(
        &self,
        webhook: &Admitted<WebhookRow>,
        statuses: &[String],
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<DeliveryRow>, sqlx::Error> {
        sqlx::query_as!(
            DeliveryRow,
            r#"
            SELECT
                webhook_id AS "webhook_id: WebhookId",
                event_id AS "event_id: EventId",
                workspace_id AS "workspace_id: WorkspaceId",
                kind,
                status,
                attempt_count,
                next_time,
                leased,
                last_attempt_time,
                last_status,
                last_error,
                create_time
            FROM webhook_deliveries
            WHERE bucket = $1
                AND webhook_id = $2
                AND event_id < $3
                AND (cardinality($4::TEXT[]) = 0 OR status = ANY($4))
            ORDER BY event_id DESC
            LIMIT $5
            "#,
            webhook.id.bucket().as_i16(),
            webhook.id as WebhookId,
            after.unwrap_or(Uuid::max()),
            statuses,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}

/// Makes a delivery of a locked webhook due now, for as long as a new one; one that is on its way stays so. `None` when it
/// is not there any more.
#[tracing::instrument(skip_all, name = "db.webhook_deliveries.renew", err(level = "debug"))]
pub async fn renew_delivery(
    connection: &mut PgConnection,
    webhook: &WebhookRow,
    event_id: EventId,
    now: DateTime<Utc>,
) -> Result<Option<DeliveryRow>, sqlx::Error> {
    let bucket = webhook.id.bucket().as_i16();
    let row = sqlx::query_as!(
        DeliveryRow,
        r#"
        UPDATE webhook_deliveries
        SET status = $4,
            failure_count = 0,
            next_time = CASE WHEN leased AND next_time > $5 THEN next_time ELSE $5 END,
            give_up_time = $6
        WHERE bucket = $1 AND webhook_id = $2 AND event_id = $3
        RETURNING
            webhook_id AS "webhook_id: WebhookId",
            event_id AS "event_id: EventId",
            workspace_id AS "workspace_id: WorkspaceId",
            kind,
            status,
            attempt_count,
            next_time,
            leased,
            last_attempt_time,
            last_status,
            last_error,
            create_time
        "#,
        bucket,
        webhook.id as WebhookId,
        event_id as EventId,
        DeliveryStatus::Pending.as_str(),
        now,
        now + TRIED_FOR,
    )
    .fetch_optional(&mut *connection)
    .await?;
    queue::set_due(connection, webhook.id, now).await?;
    Ok(row)
}
