//! `WebhookService.RotateWebhookSecret`.

use aws_lc_rs::rand::SystemRandom;
use chrono::TimeDelta;
use postbreeze_context::WorkspaceContext;
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_proto::{
    fields::Fields,
    v1::{RotateWebhookSecretRequest, RotateWebhookSecretResponse},
};
use prost_types::Duration;
use secrecy::ExposeSecret as _;

use super::{
    Rpc,
    get_webhook::{gone, load, shown},
};
use crate::{
    error::Error,
    store::{
        webhook_secrets::{SecretRow, insert_secret, retire_secrets},
        webhooks::lock_webhook,
    },
    webhook::secret::generate,
};

const DEFAULT_OVERLAP: TimeDelta = TimeDelta::hours(24);
const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(7);

pub(super) async fn rotate_webhook_secret(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RotateWebhookSecretRequest,
) -> Result<RotateWebhookSecretResponse, Error> {
    let mut fields = Fields::new();
    let webhook_id = fields.id("webhook_id", &request.webhook_id);
    let overlap = parse_overlap(&mut fields, request.overlap.as_ref());
    let request_id = fields.request_id(&request.request_id);
    let (webhook_id, overlap, request_id) = fields.finish((webhook_id, overlap, request_id))?;

    let webhook = load(rpc, context, webhook_id).await?;
    let user_id = context.user_id()?;
    let key = Key::of(user_id, "WebhookService.RotateWebhookSecret", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) = idempotency::look_up(rpc.store.statements(), key.as_ref(), now).await? {
        return Ok(first);
    }
    let new = generate(&SystemRandom::new())?;
    let pool = rpc.store.pool();
    idempotency::once_redacted(pool, key.as_ref(), now, without_secret, async |mut transaction| {
        let Some(row) = lock_webhook(&mut transaction, &webhook).await? else {
            return Err(gone(&mut *transaction, webhook.workspace_id(), webhook_id).await?);
        };
        let current = retire_secrets(&mut transaction, webhook_id, now + overlap).await?;
        let secret = SecretRow {
            webhook_id,
            number: current + 1,
            shown: new.shown,
            create_time: now,
            expire_time: None,
        };
        let sealed = rpc.vault.seal(webhook_id, secret.number, &new.secret)?;
        insert_secret(&mut transaction, &secret, &sealed).await?;
        let webhook = Some(shown(&mut transaction, row, now).await?);
        let secret = new.secret.expose_secret().to_owned();
        Ok((transaction, RotateWebhookSecretResponse { webhook, secret }))
    })
    .await
}

fn parse_overlap(fields: &mut Fields, overlap: Option<&Duration>) -> Option<TimeDelta> {
    let Some(overlap) = overlap else { return Some(DEFAULT_OVERLAP) };
    let parsed = u32::try_from(overlap.nanos)
        .ok()
        .and_then(|nanos| TimeDelta::new(overlap.seconds, nanos))
        .filter(|delta| (TimeDelta::zero()..=LONGEST_OVERLAP).contains(delta));
    if parsed.is_none() {
        fields.violate("overlap", "must be 0 to 7 days");
    }
    parsed
}

/// What a replay is answered: a secret is shown once.
fn without_secret(response: &RotateWebhookSecretResponse) -> RotateWebhookSecretResponse {
    RotateWebhookSecretResponse { secret: String::new(), ..response.clone() }
}
