//! `WebhookService.ListWebhooks`.

use std::collections::HashMap;

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::WebhookId;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::ListPosition,
    page::Binding,
    v1::{ListWebhooksRequest, ListWebhooksResponse},
};

use super::{Rpc, message};
use crate::{
    error::Error,
    store::webhook_secrets::{SecretRow, live_secrets},
};

pub(super) async fn list_webhooks(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ListWebhooksRequest,
) -> Result<ListWebhooksResponse, Error> {
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let page_size = fields.page_size(request.page_size);
    let filter = ListWebhooksRequest { workspace_id: request.workspace_id, ..Default::default() };
    let binding = Binding::new("ListWebhooks", context.user_id()?, &filter);
    let after = fields.page_token::<ListPosition>(&rpc.page_tokens, &binding, &request.page_token);
    let (workspace_id, page_size, after) = fields.finish((workspace_id, page_size, after))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::ManageWebhooks)?;
    let after = after.and_then(|position| position.uuid());
    let limit = i64::try_from(page_size + 1).unwrap_or(i64::MAX);
    let mut rows = rpc.store.list_webhooks(&workspace, after, limit).await?;
    let more = rows.len() > page_size;
    rows.truncate(page_size);
    let next = rows.last().filter(|_| more).map(|row| ListPosition::after_id(row.id.uuid()));
    let ids: Vec<WebhookId> = rows.iter().map(|row| row.id).collect();
    let mut secrets: HashMap<WebhookId, Vec<SecretRow>> = HashMap::new();
    for secret in live_secrets(rpc.store.pool(), &ids, rpc.environment.clock.now()).await? {
        secrets.entry(secret.webhook_id).or_default().push(secret);
    }
    let webhooks = rows.into_iter().map(|row| {
        let own = secrets.remove(&row.id).unwrap_or_default();
        message::webhook(row, own)
    });
    Ok(ListWebhooksResponse {
        webhooks: webhooks.collect::<Result<_, _>>()?,
        next_page_token: next
            .map(|position| rpc.page_tokens.seal(&binding, &position))
            .unwrap_or_default(),
    })
}
