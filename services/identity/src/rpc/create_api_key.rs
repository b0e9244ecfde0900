//! `ApiKeyService.CreateApiKey`.

use aws_lc_rs::rand::SystemRandom;
use postbreeze_context::{
    WorkspaceContext,
    credential::{CredentialKind, mint},
};
use postbreeze_idempotency::{self as idempotency, Key as RequestKey};
use postbreeze_proto::{
    fields::Fields,
    v1::{CreateApiKeyRequest, CreateApiKeyResponse, create_api_key_request::Access},
};
use secrecy::ExposeSecret as _;
use sqlx::PgTransaction;

use super::{Rpc, access, message};
use crate::{
    error::Error,
    store::{
        keys::{Key, KeyRow, insert_key},
        secrets::{SecretRow, insert_secret},
    },
};

pub(super) async fn create_api_key(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: CreateApiKeyRequest,
) -> Result<CreateApiKeyResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let display_name = access::display_name(&mut fields, &request.display_name);
    let workspaces = match &request.access {
        Some(Access::Scoped(scoped)) => access::allow_list(&mut fields, scoped),
        Some(Access::FullAccess(_)) | None => Some(Vec::new()),
    };
    let read_only = access::read_only(&mut fields, request.permission);
    let expire_time = fields.time("expire_time", request.expire_time.as_ref());
    let request_id = fields.request_id(&request.request_id);
    let (display_name, workspaces, read_only, expire_time, request_id) =
        fields.finish((display_name, workspaces, read_only, expire_time, request_id))?;

    access::check_reach(context, &workspaces)?;
    let request_key = RequestKey::of(user_id, "ApiKeyService.CreateApiKey", &request_id, &request);
    let now = rpc.environment.clock.now();
    if let Some(first) =
        idempotency::look_up(rpc.store.statements(), request_key.as_ref(), now).await?
    {
        return Ok(first);
    }
    access::check_end(expire_time, now)?;
    let secret = mint(CredentialKind::ApiKey, &SystemRandom::new()).map_err(|_| Error::Crypto)?;
    let id = rpc.environment.minter.mint(user_id.bucket());
    let shown = SecretRow { key_id: id, shown: secret.shown, create_time: now, expire_time: None };
    let key = Key {
        row: KeyRow {
            id,
            user_id,
            display_name,
            scoped: !workspaces.is_empty(),
            read_only,
            create_time: now,
            last_used_time: None,
            expire_time,
            revoke_time: None,
        },
        secrets: vec![shown.clone()],
        workspaces,
    };
    let effect = async |mut transaction: PgTransaction<'static>| {
        insert_key(&mut transaction, &key).await?;
        insert_secret(&mut transaction, &secret.hash, &shown).await?;
        let api_key = Some(message::api_key(key, now));
        let secret = secret.secret.expose_secret().to_owned();
        Ok((transaction, CreateApiKeyResponse { api_key, secret }))
    };
    let pool = rpc.store.pool();
    idempotency::once_redacted(pool, request_key.as_ref(), now, without_secret, effect).await
}

/// What a replay is answered: a secret is shown once.
fn without_secret(response: &CreateApiKeyResponse) -> CreateApiKeyResponse {
    CreateApiKeyResponse { secret: String::new(), ..response.clone() }
}
