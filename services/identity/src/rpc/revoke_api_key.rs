//! `ApiKeyService.RevokeApiKey`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{RevokeApiKeyRequest, RevokeApiKeyResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn revoke_api_key(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: RevokeApiKeyRequest,
) -> Result<RevokeApiKeyResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let key_id = fields.id("key_id", &request.key_id);
    let (key_id,) = fields.finish((key_id,))?;
    let key = rpc.store.find_key(user_id, key_id).await?;
    let mut key = key.ok_or(Error::KeyNotFound(key_id))?;
    let now = rpc.environment.clock.now();
    rpc.store.revoke_key(key_id, now).await?;
    key.row.revoke_time.get_or_insert(now);
    Ok(RevokeApiKeyResponse { api_key: Some(message::api_key(key, now)) })
}
