//! `CredentialService.Authenticate`: whose credential a hash is, read at this moment.

use chrono::{DateTime, Utc};
use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    internal::v1::{
        AuthenticateRequest, AuthenticateResponse, KeyCredential, SessionCredential,
        authenticate_response::Credential,
    },
    time::to_proto,
};

use super::{Rpc, message};
use crate::{error::Error, store::credentials::CredentialRow};

pub(super) async fn authenticate(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: AuthenticateRequest,
) -> Result<AuthenticateResponse, Error> {
    let unknown = Error::CredentialInvalid("the credential is not valid");
    let row = rpc.store.find_credential(&request.secret_hash).await?.ok_or(unknown)?;
    let now = rpc.environment.clock.now();
    check(&row, now)?;
    let credential = match (row.key_id, row.session_id, row.expire_time) {
        (Some(key_id), _, _) => {
            rpc.touches.key(key_id, now).await;
            Credential::Key(KeyCredential {
                key_id: key_id.to_string(),
                permission: message::permission(row.read_only).into(),
                scoped: row.scoped,
                expire_time: row.expire_time.map(to_proto),
            })
        }
        (None, Some(session_id), Some(expires)) => {
            rpc.touches.session(session_id, expires, now).await;
            Credential::Session(SessionCredential { session_id: session_id.as_bytes().to_vec() })
        }
        (None, _, _) => return Err(Error::Missing("a session's end")),
    };
    Ok(AuthenticateResponse { user_id: row.user_id.to_string(), credential: Some(credential) })
}

/// Whether a credential is good at an instant. What was taken away is told by the row alone: a clock that is behind
/// changes nothing.
fn check(row: &CredentialRow, now: DateTime<Utc>) -> Result<(), Error> {
    if row.end_time.is_some() {
        return Err(Error::CredentialRevoked);
    }
    if let Some(end) = row.secret_end_time {
        let ran_out = row.secret_expire_time.is_some_and(|expires| expires <= end);
        return Err(if ran_out { Error::CredentialExpired } else { Error::CredentialRevoked });
    }
    let ends = [row.expire_time, row.secret_expire_time];
    if ends.into_iter().flatten().any(|end| end <= now) {
        return Err(Error::CredentialExpired);
    }
    Ok(())
}
