//! `ProfileService.FindProfile`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{FindProfileRequest, FindProfileResponse},
};

use super::{Rpc, message, session::parse_email};
use crate::error::Error;

pub(super) async fn find_profile(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: FindProfileRequest,
) -> Result<FindProfileResponse, Error> {
    let mut fields = Fields::new();
    let email = parse_email(&mut fields, &request.email);
    let (email,) = fields.finish((email,))?;
    let row = rpc.store.find_user_by_email(&email).await?;
    Ok(FindProfileResponse { profile: row.map(message::profile) })
}
