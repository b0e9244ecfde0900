//! `UserService.GetMe`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::v1::{GetMeRequest, GetMeResponse};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_me(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: GetMeRequest,
) -> Result<GetMeResponse, Error> {
    let user = rpc.store.find_user(context.user_id()?).await?;
    Ok(GetMeResponse { user: Some(message::user(user.ok_or(Error::Missing("the caller"))?)) })
}
