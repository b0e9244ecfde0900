//! `WebhookService.ListDeliveries`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
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
    let statuses = fields.choices::<DeliveryStatus>("status", &request.status);
    let filter = ListDeliveriesRequest {
        webhook_id: request.webhook_id,
        status: request.status,
        ..Default::default()
    };
    let binding = Binding::new("ListDeliveries", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let page = Page::read(&mut fields, key, binding, request.page_size, &request.page_token);
    let (webhook_id, statuses, page) = fields.finish((webhook_id, statuses, page))?;

    let webhook = load(rpc, context, webhook_id).await?;
    let statuses: Vec<String> = statuses.into_iter().map(message::delivery_status_name).collect();
    let limit = page.sql_limit();
    let mut rows = rpc.store.list_deliveries(&webhook, &statuses, page.after, limit).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.event_id.uuid());
    Ok(ListDeliveriesResponse {
        deliveries: rows.into_iter().map(message::delivery).collect::<Result<_, _>>()?,
        next_page_token,
    })
}
