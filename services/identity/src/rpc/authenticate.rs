//! `CredentialService.Authenticate`: whose credential a hash is, read at this moment.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        AuthenticateRequest, AuthenticateResponse, KeyCredential, SessionCredential,
        authenticate_response::Credential,
    },
    time::to_proto,
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn authenticate(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: AuthenticateRequest,
) -> Result<AuthenticateResponse, Error> {
    let unknown = Error::CredentialInvalid("the credential is not valid");
    let row = rpc.store.find_credential(&request.secret_hash).await?.ok_or(unknown)?;
    let now = rpc.environment.clock.now();
    if row.end_time.is_some() {
        return Err(Error::CredentialRevoked);
    }
    let ends = [row.expire_time, row.secret_expire_time];
    if ends.into_iter().flatten().any(|end| end <= now) {
        return Err(Error::CredentialExpired);
    }
    let credential = match (row.key_id, row.session_id, row.expire_time) {
        (Some(key_id), _, _) => {
            rpc.touches.key(key_id, now);
            Credential::Key(KeyCredential {
                key_id: key_id.to_string(),
                permission: message::permission(row.read_only).into(),
                scoped: row.scoped,
                expire_time: row.expire_time.map(to_proto),
            })
        }
        (None, Some(session_id), Some(expires)) => {
            rpc.touches.session(session_id, expires, now);
            Credential::Session(SessionCredential { session_id: session_id.as_bytes().to_vec() })
        }
        (None, _, _) => return Err(Error::Missing("a session's end")),
    };
    Ok(AuthenticateResponse { user_id: row.user_id.to_string(), credential: Some(credential) })
}
