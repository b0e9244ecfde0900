//! `WebhookService.RedeliverDelivery`.

use postbreeze_context::WorkspaceContext;
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::EventId;
use postbreeze_proto::{
    fields::Fields,
    status::Fault,
    v1::{RedeliverDeliveryRequest, RedeliverDeliveryResponse},
};

use super::{
    Rpc,
    get_webhook::{gone, load},
    message,
};
use crate::{
    error::Error,
    store::{deliveries::renew_delivery, webhooks::lock_webhook},
};

pub(super) async fn redeliver_delivery(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RedeliverDeliveryRequest,
) -> Result<RedeliverDeliveryResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let event_id = fields.id("event_id", &request.event_id);
    let request_id = fields.request_id(&request.request_id);
    let (webhook_id, event_id, request_id) = fields.finish((webhook_id, event_id, request_id))?;

    let webhook = load(rpc, context, webhook_id).await?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "WebhookService.RedeliverDelivery", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(first);
    }
    let answer = idempotency::once(rpc.store.pool(), key.as_ref(), now, async |mut transaction| {
        let Some(row) = lock_webhook(&mut transaction, &webhook).await? else {
            return Err(gone(&mut *transaction, webhook.workspace_id(), webhook_id).await?);
        };
        let renewed = renew_delivery(&mut transaction, &row, event_id, now).await?;
        let renewed = renewed.ok_or_else(|| no_delivery(event_id))?;
        if !row.enabled {
            return Err(is_off());
        }
        let delivery = Some(message::delivery(renewed)?);
        Ok((transaction, RedeliverDeliveryResponse { delivery }))
    })
    .await?;
    rpc.bells.deliveries.ring();
    Ok(answer)
}

fn no_delivery(event_id: EventId) -> Error {
    Error::NotFound { resource: "delivery", id: event_id.to_string() }
}

fn is_off() -> Error {
    let mut fields = Fields::new();
    fields.violate("webhook_id", "is off: turn it on first");
    Fault::invalid(fields.into_violations()).into()
}
