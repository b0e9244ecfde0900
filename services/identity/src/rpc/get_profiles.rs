//! `ProfileService.GetProfiles`.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::User;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetProfilesRequest, GetProfilesResponse},
};

use super::{Rpc, message};
use crate::error::Error;

const USERS: usize = 1_000;

pub(super) async fn get_profiles(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: GetProfilesRequest,
) -> Result<GetProfilesResponse, Error> {
    let mut fields = Fields::new();
    let ids = fields.ids::<User>("user_ids", &request.user_ids, 0..=USERS);
    let (ids,) = fields.finish((ids,))?;
    let rows = rpc.store.find_users(&ids).await?;
    Ok(GetProfilesResponse { profiles: rows.into_iter().map(message::profile).collect() })
}
