//! `WebhookService.ListWebhooks`.

use std::collections::HashMap;

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::WebhookId;
use postbreeze_proto::{
    fields::Fields,
    page::{Binding, Page},
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
    let filter = ListWebhooksRequest { workspace_id: request.workspace_id, ..Default::default() };
    let binding = Binding::new("ListWebhooks", context.user_id()?, &filter);
    let key = &rpc.page_tokens;
    let page = Page::read(&mut fields, key, binding, request.page_size, &request.page_token);
    let (workspace_id, page) = fields.finish((workspace_id, page))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::ManageWebhooks)?;
    let mut rows = rpc.store.list_webhooks(&workspace, page.after, page.sql_limit()).await?;
    let next_page_token = page.cut(key, &mut rows, |row| row.id.uuid());
    let ids: Vec<WebhookId> = rows.iter().map(|row| row.id).collect();
    let mut secrets: HashMap<WebhookId, Vec<SecretRow>> = HashMap::new();
    for secret in live_secrets(rpc.store.pool(), &ids, rpc.environment.clock.now()).await? {
        secrets.entry(secret.webhook_id).or_default().push(secret);
    }
    let webhooks = rows.into_iter().map(|row| {
        let own = secrets.remove(&row.id).unwrap_or_default();
        message::webhook(row, own)
    });
    Ok(ListWebhooksResponse { webhooks: webhooks.collect::<Result<_, _>>()?, next_page_token })
}
