//! The queue in `webhook_deliveries`, for any number of replicas. Webhooks that have something due are found without
//! locks; whoever takes deliveries of one, or writes an outcome, locks the webhook first. So its number of deliveries on
//! their way is exact, and `due_time` says when to look at it again: a webhook with a long queue hides no other.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{EventId, WebhookId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    store::{
        Store,
        webhook_secrets::{SealedSecret, sealed_secrets},
    },
    webhook::delivery::{DeliveryStatus, Verdict},
};

/// Deliveries on their way to one webhook at the most.
const AT_ONCE: i64 = 2;
/// How long an attempt may take: whoever has not told its outcome by then has died.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// Deliveries of a webhook that is off that one transaction gives up at the most.
const GIVEN_UP_AT_ONCE: i64 = 500;

/// Deliveries of one webhook that were taken, to be sent now.
pub struct Taken {
    /// Where they go.
    pub url: String,
    /// What signs them.
    pub secrets: Vec<SealedSecret>,
    /// The deliveries.
    pub deliveries: Vec<TakenDelivery>,
}

/// A delivery that was taken.
#[derive(Debug, Clone)]
pub struct TakenDelivery {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// The event.
    pub event_id: EventId,
    /// Their workspace.
    pub workspace_id: WorkspaceId,
    /// Name of the event's kind.
    pub kind: String,
    /// The body's `data`; empty: the event has none of its own.
    pub data: String,
    /// What the event is about; none: it is not kept any more.
    pub subject_id: Option<Uuid>,
    /// When the event happened.
    pub event_time: DateTime<Utc>,
    /// The number of this attempt.
    pub attempt: i32,
    /// Attempts that failed before.
    pub failures: i32,
    /// Until when it is tried.
    pub give_up_time: DateTime<Utc>,
}

/// How an attempt ended.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it comes to.
    pub verdict: Verdict,
    /// HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why it failed; empty: it did not.
    pub error: String,
}

impl Store {
    /// Webhooks that have something due, the longest waiting first.
    #[tracing::instrument(skip_all, name = "db.webhooks.due", err(level = "debug"))]
    pub async fn due_webhooks(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<WebhookId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT id AS "id: WebhookId"
            FROM webhooks
            WHERE due_time <= $1 AND delete_time IS NULL
            ORDER BY due_time
            LIMIT $2
            "#,
            now,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Takes due deliveries of a webhook, at most `most`, and no more than may be on their way to it. `None` when the
    /// webhook is deleted, or off: then what is due is given up.
    #[tracing::instrument(skip_all, name = "db.webhook_deliveries.take", err(level = "debug"))]
    pub async fn take_deliveries(
        &self,
        id: WebhookId,
        most: i64,
        now: DateTime<Utc>,
    ) -> Result<Option<Taken>, sqlx::Error> {
        let mut transaction = self.begin().await?;
        let Some(webhook) = lock(&mut transaction, id).await? else { return Ok(None) };
        let taken = if webhook.enabled {
            let secrets = sealed_secrets(&mut transaction, id, now).await?;
            let deliveries = take_due(&mut transaction, id, most, now).await?;
            Some(Taken { url: webhook.url, secrets, deliveries })
        } else {
            give_up_due(&mut transaction, id, now).await?;
            None
        };
        set_due(&mut transaction, id, now).await?;
        transaction.commit().await?;
        Ok(taken)
    }

    /// Writes the outcome of an attempt, unless a newer one was begun meanwhile, or the webhook is deleted. `url`: where
    /// it was sent; that another one is gone says nothing of the one that the webhook has now.
    #[tracing::instrument(skip_all, name = "db.webhook_deliveries.settle", err(level = "debug"))]
    pub async fn settle_delivery(
        &self,
        delivery: &TakenDelivery,
        url: &str,
        outcome: &Outcome,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let bucket = delivery.webhook_id.bucket().as_i16();
        let (status, next_time) = match outcome.verdict {
            Verdict::Delivered => (DeliveryStatus::Delivered, None),
            Verdict::Again(at) => (DeliveryStatus::Pending, Some(at)),
            Verdict::Dead | Verdict::Gone => (DeliveryStatus::Dead, None),
        };
        let mut transaction = self.begin().await?;
        let webhook = lock(&mut transaction, delivery.webhook_id).await?;
        let Some(webhook) = webhook else { return Ok(()) };
        let written = sqlx::query!(
            r#"
            UPDATE webhook_deliveries
            SET status = $5,
                next_time = $6,
                leased = FALSE,
                failure_count = failure_count + 1,
                last_status = $7,
                last_error = $8
            WHERE bucket = $1 AND webhook_id = $2 AND event_id = $3 AND attempt_count = $4 AND leased
            "#,
            bucket,
            delivery.webhook_id as WebhookId,
            delivery.event_id as EventId,
            delivery.attempt,
            status.as_str(),
            next_time,
            outcome.status.map(i32::from),
            outcome.error,
        )
        .execute(&mut *transaction)
        .await?;
        let is_gone = outcome.verdict == Verdict::Gone && written.rows_affected() == 1;
        if is_gone && webhook.enabled && webhook.url == url {
            turn_off(&mut transaction, delivery.webhook_id, now).await?;
        }
        set_due(&mut transaction, delivery.webhook_id, now).await?;
        transaction.commit().await
    }
}

/// A webhook that is locked.
struct Locked {
    url: String,
    enabled: bool,
}

async fn lock(connection: &mut PgConnection, id: WebhookId) -> Result<Option<Locked>, sqlx::Error> {
    sqlx::query_as!(
        Locked,
        r#"
        SELECT url, enabled
        FROM webhooks
        WHERE bucket = $1 AND id = $2 AND delete_time IS NULL
        FOR UPDATE
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
    )
    .fetch_optional(connection)
    .await
}

async fn turn_off(
    connection: &mut PgConnection,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE webhooks
        SET enabled = FALSE, gone_time = $3, update_time = $3
        WHERE bucket = $1 AND id = $2
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Takes what is due of a locked webhook, and what was taken by someone who has died.
async fn take_due(
    connection: &mut PgConnection,
    id: WebhookId,
    most: i64,
    now: DateTime<Utc>,
) -> Result<Vec<TakenDelivery>, sqlx::Error> {
    sqlx::query_as!(
        TakenDelivery,
        r#"
        WITH due AS (
            SELECT event_id
            FROM webhook_deliveries
            WHERE bucket = $1 AND webhook_id = $2 AND status = 'pending' AND next_time <= $3
            ORDER BY next_time
            LIMIT LEAST($4::BIGINT, GREATEST(0, $5 - (
                SELECT count(*)
                FROM webhook_deliveries
                WHERE bucket = $1 AND webhook_id = $2 AND leased AND next_time > $3
            )))
        ),
        taken AS (
            UPDATE webhook_deliveries AS delivery
            SET attempt_count = delivery.attempt_count + 1,
                leased = TRUE,
                next_time = $6,
                last_attempt_time = $3
            FROM due
            WHERE delivery.bucket = $1 AND delivery.webhook_id = $2 AND delivery.event_id = due.event_id
            RETURNING delivery.*
        )
        SELECT
            taken.webhook_id AS "webhook_id!: WebhookId",
            taken.event_id AS "event_id!: EventId",
            taken.workspace_id AS "workspace_id!: WorkspaceId",
            taken.kind AS "kind!",
            COALESCE(event.data, '') AS "data!",
            event.subject_id AS "subject_id?",
            taken.create_time AS "event_time!",
            taken.attempt_count AS "attempt!",
            taken.failure_count AS "failures!",
            taken.give_up_time AS "give_up_time!"
        FROM taken
        LEFT JOIN events AS event ON event.bucket = $1 AND event.id = taken.event_id
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
        now,
        most,
        AT_ONCE,
        now + LEASE,
    )
    .fetch_all(connection)
    .await
}

/// Gives up what is due of a locked webhook that is off.
async fn give_up_due(
    connection: &mut PgConnection,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        WITH due AS (
            SELECT event_id
            FROM webhook_deliveries
            WHERE bucket = $1 AND webhook_id = $2 AND status = 'pending' AND next_time <= $3
            ORDER BY next_time
            LIMIT $4
        )
        UPDATE webhook_deliveries AS delivery
        SET status = 'dead',
            next_time = NULL,
            leased = FALSE,
            last_error = 'the webhook is off'
        FROM due
        WHERE delivery.bucket = $1 AND delivery.webhook_id = $2 AND delivery.event_id = due.event_id
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
        now,
        GIVEN_UP_AT_ONCE,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Says when to look at a locked webhook again: when something is due, or, while as many as may be are on their way, when
/// the first of them is given up. Whoever writes an outcome says it again.
pub(super) async fn set_due(
    connection: &mut PgConnection,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE webhooks
        SET due_time = CASE WHEN on_their_way.count >= $4 THEN on_their_way.first_end ELSE (
            SELECT min(next_time)
            FROM webhook_deliveries
            WHERE bucket = $1 AND webhook_id = $2 AND status = 'pending'
        ) END
        FROM (
            SELECT count(*) AS count, min(next_time) AS first_end
            FROM webhook_deliveries
            WHERE bucket = $1 AND webhook_id = $2 AND leased AND next_time > $3
        ) AS on_their_way
        WHERE webhooks.bucket = $1 AND webhooks.id = $2 AND webhooks.delete_time IS NULL
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
        now,
        AT_ONCE,
    )
    .execute(connection)
    .await?;
    Ok(())
}
