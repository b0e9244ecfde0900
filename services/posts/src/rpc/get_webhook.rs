//! `WebhookService.GetWebhook`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Action, Admitted, Claim, Denied, WorkspaceContext};
use postbreeze_ids::{WebhookId, WorkspaceId};
use postbreeze_proto::{
    fields::Fields,
    v1::{GetWebhookRequest, GetWebhookResponse, Webhook},
};
use sqlx::{PgExecutor, PgTransaction};

use super::{Rpc, message};
use crate::{
    error::Error,
    store::{heads::is_buried, webhook_secrets::live_secrets, webhooks::WebhookRow},
};

pub(super) async fn get_webhook(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetWebhookRequest,
) -> Result<GetWebhookResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let (webhook_id,) = fields.finish((webhook_id,))?;
    let webhook = load(rpc, context, webhook_id).await?;
    let secrets =
        live_secrets(rpc.store.pool(), &[webhook_id], rpc.environment.clock.now()).await?;
    Ok(GetWebhookResponse { webhook: Some(message::webhook(webhook.into_row(), secrets)?) })
}

/// Finds a webhook for whoever may manage it.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    webhook_id: WebhookId,
) -> Result<Admitted<WebhookRow>, Error> {
    let claim = rpc.store.find_webhook(webhook_id).await?;
    let claim = claim.ok_or_else(|| not_found(webhook_id))?;
    let found = context.admit(claim, Action::Read)?;
    if found.is_deleted {
        return Err(gone(rpc.store.pool(), found.workspace_id(), webhook_id).await?);
    }
    let claim = Claim::new(found.workspace_id(), found.into_row().row);
    Ok(context.admit(claim, Action::ManageWebhooks)?)
}

/// Why a webhook that one was admitted to is not there: with its workspace it is out of reach, whoever was admitted just
/// before.
pub(super) async fn gone(
    database: impl PgExecutor<'_>,
    workspace_id: WorkspaceId,
    webhook_id: WebhookId,
) -> Result<Error, Error> {
    Ok(if is_buried(database, workspace_id).await? {
        Denied::OutOfReach.into()
    } else {
        not_found(webhook_id)
    })
}

fn not_found(webhook_id: WebhookId) -> Error {
    Error::NotFound { resource: "webhook", id: webhook_id.to_string() }
}

/// A webhook that this transaction has locked, as clients see it.
pub(super) async fn shown(
    transaction: &mut PgTransaction<'static>,
    row: WebhookRow,
    now: DateTime<Utc>,
) -> Result<Webhook, Error> {
    let secrets = live_secrets(&mut **transaction, &[row.id], now).await?;
    message::webhook(row, secrets)
}
