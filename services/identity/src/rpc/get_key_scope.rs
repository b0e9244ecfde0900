//! `CredentialService.GetKeyScope`: the allow-list of the caller's key, read at this moment.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::internal::v1::{GetKeyScopeRequest, GetKeyScopeResponse};

use super::Rpc;
use crate::{error::Error, store::allow_lists::KeyScope};

pub(super) async fn get_key_scope(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: GetKeyScopeRequest,
) -> Result<GetKeyScopeResponse, Error> {
    let key_id = context.caller().key_id().ok_or(Error::Missing("the caller's key"))?;
    Ok(match rpc.store.key_scope(key_id).await? {
        KeyScope::Gone => return Err(Error::CredentialRevoked),
        KeyScope::Full => GetKeyScopeResponse { workspace_ids: Vec::new(), full_access: true },
        KeyScope::Only(workspaces) => GetKeyScopeResponse {
            workspace_ids: workspaces.iter().map(ToString::to_string).collect(),
            full_access: false,
        },
    })
}
