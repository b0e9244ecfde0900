//! `MediaSourceService.GetStorageUsage`: the bytes behind `GetUsage`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetStorageUsageRequest, GetStorageUsageResponse},
};

use super::Rpc;
use crate::error::Error;

pub(super) async fn get_storage_usage(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: GetStorageUsageRequest,
) -> Result<GetStorageUsageResponse, Error> {
    let mut fields = Fields::new();
    let owner_user_id = fields.id("owner_user_id", &request.owner_user_id);
    let (owner_user_id,) = fields.finish((owner_user_id,))?;
    let bytes = rpc.store.bytes_of(owner_user_id).await?;
    Ok(GetStorageUsageResponse { bytes })
}
