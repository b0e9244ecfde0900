//! Table `webhooks`. A deleted one is gone for everyone; its row stays until its deliveries are swept.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim};
use postbreeze_ids::{WebhookId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;

/// A row of `webhooks`.
#[derive(Debug, Clone)]
pub struct WebhookRow {
    /// The webhook.
    pub id: WebhookId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The name people gave it; may be empty.
    pub display_name: String,
    /// Where deliveries go.
    pub url: String,
    /// Names of the kinds of events it is told of.
    pub event_kinds: Vec<String>,
    /// Whether deliveries are made and sent.
    pub enabled: bool,
    /// It is told of what happened since.
    pub enable_time: DateTime<Utc>,
    /// When its URL answered 410.
    pub gone_time: Option<DateTime<Utc>>,
    /// When it was made.
    pub create_time: DateTime<Utc>,
    /// When it last changed.
    pub update_time: DateTime<Utc>,
}

/// A webhook, whatever has become of it.
#[derive(Debug, Clone)]
pub struct FoundWebhook {
    /// The webhook.
    pub row: WebhookRow,
    /// Whether it was deleted, by itself or with its workspace.
    pub is_deleted: bool,
}

impl Store {
    /// A webhook by its id, also one that was deleted.
    #[tracing::instrument(skip_all, name = "db.webhooks.find", err(level = "debug"))]
    pub async fn find_webhook(
        &self,
        id: WebhookId,
    ) -> Result<Option<Claim<FoundWebhook>>, sqlx::Error> {
        let found = sqlx::query!(
            r#"
            SELECT
                id AS "id: WebhookId",
                workspace_id AS "workspace_id: WorkspaceId",
                display_name,
                url,
                event_kinds,
                enabled,
                enable_time,
                gone_time,
                create_time,
                update_time,
                delete_time IS NOT NULL AS "is_deleted!"
            FROM webhooks
            WHERE bucket = $1 AND id = $2
            "#,
            id.bucket().as_i16(),
            id as WebhookId,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(found.map(|found| {
            let row = WebhookRow {
                id: found.id,
                workspace_id: found.workspace_id,
                display_name: found.display_name,
                url: found.url,
                event_kinds: found.event_kinds,
                enabled: found.enabled,
                enable_time: found.enable_time,
                gone_time: found.gone_time,
                create_time: found.create_time,
                update_time: found.update_time,
            };
            Claim::new(row.workspace_id, FoundWebhook { row, is_deleted: found.is_deleted })
        }))
    }

    /// A page of a workspace's webhooks, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.webhooks.list", err(level = "debug"))]
    pub async fn list_webhooks(
        &self,
        workspace: &Admitted<()>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        sqlx::query_as!(
            WebhookRow,
            r#"
            SELECT
                id AS "id: WebhookId",
                workspace_id AS "workspace_id: WorkspaceId",
                display_name,
                url,
                event_kinds,
                enabled,
                enable_time,
                gone_time,
                create_time,
                update_time
            FROM webhooks
            WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NULL AND id < $3
            ORDER BY id DESC
            LIMIT $4
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            after.unwrap_or(Uuid::max()),
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}

/// How many webhooks a workspace has. Exact for whoever holds the workspace alone.
#[tracing::instrument(skip_all, name = "db.webhooks.count", err(level = "debug"))]
pub async fn count_webhooks(
    connection: &mut PgConnection,
    workspace: &Admitted<()>,
) -> Result<i64, sqlx::Error> {
    let workspace_id = workspace.workspace_id();
    sqlx::query_scalar!(
        r#"
        SELECT count(*) AS "count!"
        FROM webhooks
        WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NULL
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .fetch_one(connection)
    .await
}

/// Writes a new webhook.
#[tracing::instrument(skip_all, name = "db.webhooks.insert", err(level = "debug"))]
pub async fn insert_webhook(
    connection: &mut PgConnection,
    _workspace: &Admitted<()>,
    row: &WebhookRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO webhooks (
            bucket, id, workspace_id, display_name, url, event_kinds, enabled, enable_time, create_time, update_time
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        "#,
        row.id.bucket().as_i16(),
        row.id as WebhookId,
        row.workspace_id as WorkspaceId,
        row.display_name,
        row.url,
        &row.event_kinds,
        row.enabled,
        row.enable_time,
        row.create_time,
        row.update_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks an admitted webhook for this transaction and reads it as it is now; `None` when it was deleted meanwhile.
#[tracing::instrument(skip_all, name = "db.webhooks.lock", err(level = "debug"))]
pub async fn lock_webhook(
    connection: &mut PgConnection,
    admitted: &Admitted<WebhookRow>,
) -> Result<Option<WebhookRow>, sqlx::Error> {
    sqlx::query_as!(
        WebhookRow,
        r#"
        SELECT
            id AS "id: WebhookId",
            workspace_id AS "workspace_id: WorkspaceId",
            display_name,
            url,
            event_kinds,
            enabled,
            enable_time,
            gone_time,
            create_time,
            update_time
        FROM webhooks
        WHERE bucket = $1 AND id = $2 AND delete_time IS NULL
        FOR UPDATE
        "#,
        admitted.id.bucket().as_i16(),
        admitted.id as WebhookId,
    )
    .fetch_optional(connection)
    .await
}

/// Writes what may change of a locked webhook.
#[tracing::instrument(skip_all, name = "db.webhooks.save", err(level = "debug"))]
pub async fn save_webhook(
    connection: &mut PgConnection,
    row: &WebhookRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE webhooks
        SET display_name = $3,
            url = $4,
            event_kinds = $5,
            enabled = $6,
            enable_time = $7,
            gone_time = $8,
            update_time = $9
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as WebhookId,
        row.display_name,
        row.url,
        &row.event_kinds,
        row.enabled,
        row.enable_time,
        row.gone_time,
        row.update_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes an admitted webhook and destroys its secrets. Answers whether it was there still.
#[tracing::instrument(skip_all, name = "db.webhooks.delete", err(level = "debug"))]
pub async fn delete_webhook(
    connection: &mut PgConnection,
    admitted: &Admitted<WebhookRow>,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let ids = sqlx::query_scalar!(
        r#"
        UPDATE webhooks
        SET delete_time = $3, due_time = NULL
        WHERE bucket = $1 AND id = $2 AND delete_time IS NULL
        RETURNING id AS "id: WebhookId"
        "#,
        admitted.id.bucket().as_i16(),
        admitted.id as WebhookId,
        now,
    )
    .fetch_all(&mut *connection)
    .await?;
    destroy_secrets(connection, &ids).await?;
    Ok(!ids.is_empty())
}

/// Deletes the webhooks of a workspace that is gone, and destroys their secrets.
#[tracing::instrument(skip_all, name = "db.webhooks.delete_all", err(level = "debug"))]
pub(super) async fn delete_webhooks(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let bucket = workspace_id.bucket().as_i16();
    let ids = sqlx::query_scalar!(
        r#"
        SELECT id AS "id: WebhookId"
        FROM webhooks
        WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NULL
        ORDER BY id
        FOR UPDATE
        "#,
        bucket,
        workspace_id as WorkspaceId,
    )
    .fetch_all(&mut *connection)
    .await?;
    sqlx::query!(
        "UPDATE webhooks SET delete_time = $3, due_time = NULL WHERE bucket = $1 AND id = ANY($2)",
        bucket,
        &ids as &[WebhookId],
        now,
    )
    .execute(&mut *connection)
    .await?;
    destroy_secrets(connection, &ids).await
}

async fn destroy_secrets(
    connection: &mut PgConnection,
    ids: &[WebhookId],
) -> Result<(), sqlx::Error> {
    let Some(first) = ids.first() else { return Ok(()) };
    sqlx::query!(
        "DELETE FROM webhook_secrets WHERE bucket = $1 AND webhook_id = ANY($2)",
        first.bucket().as_i16(),
        ids as &[WebhookId],
    )
    .execute(connection)
    .await?;
    Ok(())
}
