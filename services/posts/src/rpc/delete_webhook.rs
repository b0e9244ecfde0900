//! `WebhookService.DeleteWebhook`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{DeleteWebhookRequest, DeleteWebhookResponse},
};

use super::{
    Rpc,
    get_webhook::{gone, load},
};
use crate::{error::Error, store::webhooks::delete_webhook as delete};

pub(super) async fn delete_webhook(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DeleteWebhookRequest,
) -> Result<DeleteWebhookResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let (webhook_id,) = fields.finish((webhook_id,))?;
    let webhook = load(rpc, context, webhook_id).await?;
    let mut transaction = rpc.store.begin().await?;
    if !delete(&mut transaction, &webhook, rpc.environment.clock.now()).await? {
        return Err(gone(&mut *transaction, webhook.workspace_id(), webhook_id).await?);
    }
    transaction.commit().await?;
    Ok(DeleteWebhookResponse {})
}
