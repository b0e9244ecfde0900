//! Table `webhook_secrets`.

use chrono::{DateTime, Utc};
use postbreeze_ids::WebhookId;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use super::Store;

/// A secret, without itself.
#[derive(Debug, Clone)]
pub struct SecretRow {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// From 1, one more with each rotation.
    pub number: i32,
    /// The first characters after the prefix.
    pub shown: String,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When its overlap ends; none: it is the current one.
    pub expire_time: Option<DateTime<Utc>>,
}

/// A secret as it is kept.
pub struct SealedSecret {
    /// Its number.
    pub number: i32,
    /// What the vault opens.
    pub sealed: Vec<u8>,
}

/// The live secrets of webhooks of one bucket, each webhook's newest first.
#[tracing::instrument(skip_all, name = "db.webhook_secrets.list", err(level = "debug"))]
pub async fn live_secrets(
    database: impl PgExecutor<'_>,
    ids: &[WebhookId],
    now: DateTime<Utc>,
) -> Result<Vec<SecretRow>, sqlx::Error> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    sqlx::query_as!(
        SecretRow,
        r#"
        SELECT
            webhook_id AS "webhook_id: WebhookId",
            number,
            shown,
            create_time,
            expire_time
        FROM webhook_secrets
        WHERE bucket = $1 AND webhook_id = ANY($2) AND (expire_time IS NULL OR expire_time > $3)
        ORDER BY number DESC
        "#,
        first.bucket().as_i16(),
        ids as &[WebhookId],
        now,
    )
    .fetch_all(database)
    .await
}

/// The live secrets of a webhook as they are kept, newest first.
#[tracing::instrument(skip_all, name = "db.webhook_secrets.open", err(level = "debug"))]
pub(super) async fn sealed_secrets(
    connection: &mut PgConnection,
    id: WebhookId,
    now: DateTime<Utc>,
) -> Result<Vec<SealedSecret>, sqlx::Error> {
    sqlx::query_as!(
        SealedSecret,
        r#"
        SELECT number, sealed
        FROM webhook_secrets
        WHERE bucket = $1 AND webhook_id = $2 AND (expire_time IS NULL OR expire_time > $3)
        ORDER BY number DESC
        "#,
        id.bucket().as_i16(),
        id as WebhookId,
        now,
    )
    .fetch_all(connection)
    .await
}

/// Gives a locked webhook a secret.
#[tracing::instrument(skip_all, name = "db.webhook_secrets.insert", err(level = "debug"))]
pub async fn insert_secret(
    connection: &mut PgConnection,
    secret: &SecretRow,
    sealed: &[u8],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO webhook_secrets (bucket, webhook_id, number, shown, sealed, create_time)
        VALUES ($1, $2, $3, $4, $5, $6)
        "#,
        secret.webhook_id.bucket().as_i16(),
        secret.webhook_id as WebhookId,
        secret.number,
        secret.shown,
        sealed,
        secret.create_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Makes room for a new secret of a locked webhook: the current one lives until an instant, an older one is destroyed.
/// Answers the current one's number.
#[tracing::instrument(skip_all, name = "db.webhook_secrets.retire", err(level = "debug"))]
pub async fn retire_secrets(
    connection: &mut PgConnection,
    id: WebhookId,
    until: DateTime<Utc>,
) -> Result<i32, sqlx::Error> {
    let bucket = id.bucket().as_i16();
    sqlx::query!(
        "DELETE FROM webhook_secrets WHERE bucket = $1 AND webhook_id = $2 AND expire_time IS NOT NULL",
        bucket,
        id as WebhookId,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query_scalar!(
        r#"
        UPDATE webhook_secrets
        SET expire_time = $3
        WHERE bucket = $1 AND webhook_id = $2
        RETURNING number
        "#,
        bucket,
        id as WebhookId,
        until,
    )
    .fetch_one(connection)
    .await
}

/// A secret as it is kept, and where.
pub struct PlacedSecret {
    /// The webhook.
    pub webhook_id: WebhookId,
    /// Its number.
    pub number: i32,
    /// What the vault opens.
    pub sealed: Vec<u8>,
}

impl Store {
    /// Secrets after one, in one order.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.webhook_secrets.walk", err(level = "debug"))]
    pub async fn secrets_after(
        &self,
        after: Option<(WebhookId, i32)>,
        limit: i64,
    ) -> Result<Vec<PlacedSecret>, sqlx::Error> {
        let (webhook_id, number) = after.unwrap_or((WebhookId::from_uuid(Uuid::nil()), 0));
        sqlx::query_as!(
            PlacedSecret,
            r#"
            SELECT
                webhook_id AS "webhook_id: WebhookId",
                number,
                sealed
            FROM webhook_secrets
            WHERE (webhook_id, number) > ($1, $2)
            ORDER BY webhook_id, number
            LIMIT $3
            "#,
            webhook_id as WebhookId,
            number,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Puts a secret that was sealed anew in the place of what it was made from.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.webhook_secrets.reseal", err(level = "debug"))]
    pub async fn keep_resealed(
        &self,
        secret: &PlacedSecret,
        sealed: &[u8],
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            UPDATE webhook_secrets
            SET sealed = $5
            WHERE bucket = $1 AND webhook_id = $2 AND number = $3 AND sealed = $4
            "#,
            secret.webhook_id.bucket().as_i16(),
            secret.webhook_id as WebhookId,
            secret.number,
            secret.sealed,
            sealed,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
