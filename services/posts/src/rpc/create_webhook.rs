//! `WebhookService.CreateWebhook`.

use aws_lc_rs::rand::SystemRandom;
use postbreeze_context::{Action, Claim, Denied, WorkspaceContext};
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    status::Fault,
    v1::{CreateWebhookRequest, CreateWebhookResponse},
};
use secrecy::ExposeSecret as _;

use super::{Rpc, message, webhook_fields as parse};
use crate::{
    error::Error,
    store::{
        heads::take_workspace,
        webhook_secrets::{SecretRow, insert_secret},
        webhooks::{WebhookRow, count_webhooks, insert_webhook},
    },
    webhook::{MAX_WEBHOOKS, secret::generate},
};

pub(super) async fn create_webhook(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreateWebhookRequest,
) -> Result<CreateWebhookResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let workspace_id = fields.id("workspace_id", &request.workspace_id);
    let display_name = parse::display_name(&mut fields, &request.display_name);
    let url = parse::url(&mut fields, &rpc.egress, &request.url);
    let event_kinds = parse::event_kinds(&mut fields, &request.event_types);
    let request_id = fields.request_id(&request.request_id);
    let (workspace_id, display_name, url, event_kinds, request_id) =
        fields.finish((workspace_id, display_name, url, event_kinds, request_id))?;

    let workspace = context.admit(Claim::on(workspace_id), Action::ManageWebhooks)?;
    let key = Key::of(user_id, "WebhookService.CreateWebhook", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(first);
    }
    let row = WebhookRow {
        id: rpc.environment.minter.mint(workspace_id.bucket()),
        workspace_id,
        display_name,
        url,
        event_kinds,
        enabled: true,
        enable_time: now,
        gone_time: None,
        create_time: now,
        update_time: now,
    };
    let new = generate(&SystemRandom::new())?;
    let secret = SecretRow {
        webhook_id: row.id,
        number: 1,
        shown: new.shown,
        create_time: now,
        expire_time: None,
    };
    let sealed = rpc.vault.seal(row.id, secret.number, &new.secret)?;
    let pool = rpc.store.pool();
    idempotency::once_redacted(pool, key.as_ref(), now, without_secret, async |mut transaction| {
        if !take_workspace(&mut transaction, &workspace).await? {
            return Err(Denied::OutOfReach.into());
        }
        if count_webhooks(&mut transaction, &workspace).await? >= MAX_WEBHOOKS {
            return Err(too_many());
        }
        insert_webhook(&mut transaction, &workspace, &row).await?;
        insert_secret(&mut transaction, &secret, &sealed).await?;
        let webhook = message::webhook(row, vec![secret])?;
        let secret = new.secret.expose_secret().to_owned();
        Ok((transaction, CreateWebhookResponse { webhook: Some(webhook), secret }))
    })
    .await
}

fn too_many() -> Error {
    let mut fields = Fields::new();
    fields.violate("workspace_id", format!("has {MAX_WEBHOOKS} webhooks already"));
    Fault::invalid(fields.into_violations()).into()
}

/// What a replay is answered: a secret is shown once.
fn without_secret(response: &CreateWebhookResponse) -> CreateWebhookResponse {
    CreateWebhookResponse { secret: String::new(), ..response.clone() }
}
