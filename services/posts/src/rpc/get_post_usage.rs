//! `PostSourceService.GetPostUsage`: the units behind `GetUsage`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetPostUsageRequest, GetPostUsageResponse},
};

use super::Rpc;
use crate::{error::Error, store::usage::Charge};

pub(super) async fn get_post_usage(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: GetPostUsageRequest,
) -> Result<GetPostUsageResponse, Error> {
    let mut fields = Fields::new();
    let owner = fields.id("owner_user_id", &request.owner_user_id);
    let (owner_user_id,) = fields.finish((owner,))?;
    let units = rpc.store.units(Charge { owner_user_id, month: request.month }).await?;
    Ok(GetPostUsageResponse { units })
}
