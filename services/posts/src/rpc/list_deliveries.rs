//! `WebhookService.ListDeliveries`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::Binding,
    v1::{DeliveryStatus, ListDeliveriesRequest, ListDeliveriesResponse},
};

use super::{Rpc, get_webhook::load, message};
use crate::error::Error;

pub(super) async fn list_deliveries(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListDeliveriesRequest,
) -> Result<ListDeliveriesResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let page_size = fields.page_size(request.page_size);
    let statuses = fields.choices::<DeliveryStatus>("status", &request.status);
    let filter = ListDeliveriesRequest {
        webhook_id: request.webhook_id,
        status: request.status,
        ..Default::default()
    };
    let binding = Binding::new("ListDeliveries", context.user_id()?, &filter);
    let after = fields.page_token::<ListPosition>(&rpc.page_tokens, &binding, &request.page_token);
    let (webhook_id, page_size, statuses, after) =
        fields.finish((webhook_id, page_size, statuses, after))?;

    let webhook = load(rpc, context, webhook_id).await?;
    let statuses: Vec<String> = statuses.into_iter().map(message::delivery_status_name).collect();
    let after = after.and_then(|position| position.uuid());
    let limit = i64::try_from(page_size + 1).unwrap_or(i64::MAX);
    let mut rows = rpc.store.list_deliveries(&webhook, &statuses, after, limit).await?;
    let more = rows.len() > page_size;
    rows.truncate(page_size);
    let next = rows.last().filter(|_| more).map(|row| ListPosition::after_id(row.event_id.uuid()));
    Ok(ListDeliveriesResponse {
        deliveries: rows.into_iter().map(message::delivery).collect::<Result<_, _>>()?,
        next_page_token: next
            .map(|position| rpc.page_tokens.seal(&binding, &position))
            .unwrap_or_default(),
    })
}
