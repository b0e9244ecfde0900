//! `UserService.SignOut`.

use postbreeze_context::{Caller, Denied, WorkspaceContext};
use postbreeze_proto::v1::{SignOutRequest, SignOutResponse};

use super::Rpc;
use crate::error::Error;

pub(super) async fn sign_out(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: SignOutRequest,
) -> Result<SignOutResponse, Error> {
    let Caller::Session { session_id, .. } = context.caller() else {
        return Err(Denied::SessionRequired.into());
    };
    rpc.store.sign_out(*session_id, rpc.environment.clock.now()).await?;
    Ok(SignOutResponse {})
}
