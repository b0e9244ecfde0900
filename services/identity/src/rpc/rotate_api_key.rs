//! `ApiKeyService.RotateApiKey`.

use aws_lc_rs::rand::SystemRandom;
use chrono::TimeDelta;
use postbreeze_context::{
    WorkspaceContext,
    credential::{CredentialKind, mint},
};
use postbreeze_idempotency::{self as idempotency, Key as RequestKey};
use postbreeze_proto::{
    fields::Fields,
    v1::{RotateApiKeyRequest, RotateApiKeyResponse},
};
use prost_types::Duration;
use secrecy::ExposeSecret as _;
use sqlx::PgTransaction;

use super::{Rpc, message};
use crate::{
    error::Error,
    store::{
        keys::lock_living_key,
        secrets::{SecretRow, insert_secret, retire_secrets},
    },
};

const DEFAULT_OVERLAP: TimeDelta = TimeDelta::hours(24);
const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(7);

pub(super) async fn rotate_api_key(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RotateApiKeyRequest,
) -> Result<RotateApiKeyResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let key_id = fields.id("key_id", &request.key_id);
    let overlap = parse_overlap(&mut fields, request.overlap.as_ref());
    let request_id = fields.request_id(&request.request_id);
    let (key_id, overlap, request_id) = fields.finish((key_id, overlap, request_id))?;

    let not_found = || Error::KeyNotFound(key_id);
    rpc.store.find_living_key(user_id, key_id).await?.ok_or_else(not_found)?;
    let request_key = RequestKey::of(user_id, "ApiKeyService.RotateApiKey", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) =
        idempotency::look_up(rpc.store.statements(), request_key.as_ref(), now).await?
    {
        return Ok(first);
    }
    let secret = mint(CredentialKind::ApiKey, &SystemRandom::new()).map_err(|_| Error::Crypto)?;
    let effect = async |mut transaction: PgTransaction<'static>| {
        lock_living_key(&mut transaction, user_id, key_id).await?.ok_or_else(not_found)?;
        let until = (!overlap.is_zero()).then(|| now + overlap);
        retire_secrets(&mut transaction, key_id, now, until).await?;
        let shown = SecretRow { key_id, shown: secret.shown, create_time: now, expire_time: None };
        insert_secret(&mut transaction, &secret.hash, &shown).await?;
        let key = lock_living_key(&mut transaction, user_id, key_id).await?;
        let key = key.ok_or_else(not_found)?;
        let api_key = Some(message::api_key(key, now));
        let secret = secret.secret.expose_secret().to_owned();
        Ok((transaction, RotateApiKeyResponse { api_key, secret }))
    };
    let pool = rpc.store.pool();
    idempotency::once_redacted(pool, request_key.as_ref(), now, without_secret, effect).await
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
fn without_secret(response: &RotateApiKeyResponse) -> RotateApiKeyResponse {
    RotateApiKeyResponse { secret: String::new(), ..response.clone() }
}
