//! `WebhookService.UpdateWebhook`.

use chrono::{DateTime, Utc};
use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{UpdateWebhookRequest, UpdateWebhookResponse},
};

use super::{
    Rpc,
    get_webhook::{gone, load, shown},
    webhook_fields,
};
use crate::{
    error::Error,
    store::webhooks::{WebhookRow, lock_webhook, save_webhook},
};

const PATHS: [&str; 4] = ["display_name", "url", "event_types", "enabled"];
const MASK_PATHS: usize = 20;

/// What is changed; each absent when it stays.
#[derive(Default)]
struct Edits {
    display_name: Option<String>,
    url: Option<String>,
    event_kinds: Option<Vec<String>>,
    enabled: Option<bool>,
}

pub(super) async fn update_webhook(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: UpdateWebhookRequest,
) -> Result<UpdateWebhookResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let edits = parse(rpc, &mut fields, &request);
    let (webhook_id, edits) = fields.finish((webhook_id, Some(edits)))?;

    let webhook = load(rpc, context, webhook_id).await?;
    let now = rpc.environment.clock.now();
    let mut transaction = rpc.store.begin().await?;
    let Some(mut row) = lock_webhook(&mut transaction, &webhook).await? else {
        return Err(gone(&mut *transaction, webhook.workspace_id(), webhook_id).await?);
    };
    edits.apply(&mut row, now);
    save_webhook(&mut transaction, &row).await?;
    let webhook = shown(&mut transaction, row, now).await?;
    transaction.commit().await?;
    Ok(UpdateWebhookResponse { webhook: Some(webhook) })
}

impl Edits {
    fn apply(self, row: &mut WebhookRow, now: DateTime<Utc>) {
        if let Some(display_name) = self.display_name {
            row.display_name = display_name;
        }
        if let Some(url) = self.url {
            row.url = url;
        }
        if let Some(event_kinds) = self.event_kinds {
            row.event_kinds = event_kinds;
        }
        if let Some(enabled) = self.enabled {
            if enabled && !row.enabled {
                row.enable_time = now;
                row.gone_time = None;
            }
            row.enabled = enabled;
        }
        row.update_time = now;
    }
}

/// What the mask names, or without one what is set.
fn parse(rpc: &Rpc, fields: &mut Fields, request: &UpdateWebhookRequest) -> Edits {
    let mask = request.update_mask.as_ref().map_or(&[][..], |mask| &mask.paths);
    let mut edits = Edits::default();
    if !fields.count("update_mask", mask.len(), 0..=MASK_PATHS) {
        return edits;
    }
    if mask.iter().any(|path| !PATHS.contains(&path.as_str())) {
        fields.violate("update_mask", format!("may name only {}", PATHS.join(", ")));
    }
    let mut nothing = mask.is_empty();
    let mut wanted = |path: &str, set: bool| {
        let wanted = if mask.is_empty() { set } else { mask.iter().any(|named| named == path) };
        nothing &= !wanted;
        wanted
    };
    if wanted("display_name", !request.display_name.is_empty()) {
        edits.display_name = webhook_fields::display_name(fields, &request.display_name);
    }
    if wanted("url", !request.url.is_empty()) {
        edits.url = webhook_fields::url(fields, &rpc.egress, &request.url);
    }
    if wanted("event_types", !request.event_types.is_empty()) {
        edits.event_kinds = webhook_fields::event_kinds(fields, &request.event_types);
    }
    if wanted("enabled", request.enabled.is_some()) {
        edits.enabled = request.enabled;
        if edits.enabled.is_none() {
            fields.violate("enabled", "is required where the mask names it");
        }
    }
    if nothing {
        fields.violate("update_mask", "names nothing to change, and nothing is set");
    }
    edits
}
