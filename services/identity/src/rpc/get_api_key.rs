//! `ApiKeyService.GetApiKey`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{GetApiKeyRequest, GetApiKeyResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_api_key(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetApiKeyRequest,
) -> Result<GetApiKeyResponse, Error> {
    let mut fields = Fields::new();
    let key_id = fields.id("key_id", &request.key_id);
    let (key_id,) = fields.finish((key_id,))?;
    let key = rpc.store.find_key(context.user_id()?, key_id).await?;
    let key = key.ok_or(Error::KeyNotFound(key_id))?;
    Ok(GetApiKeyResponse { api_key: Some(message::api_key(key, rpc.environment.clock.now())) })
}
