//! `GetOwnerEntitlements`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{GetOwnerEntitlementsRequest, GetOwnerEntitlementsResponse},
};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_owner_entitlements(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: GetOwnerEntitlementsRequest,
) -> Result<GetOwnerEntitlementsResponse, Error> {
    let mut fields = Fields::new();
    let user_id = fields.id("user_id", &request.user_id);
    let (user_id,) = fields.finish((user_id,))?;
    let terms = rpc.plans.terms(rpc.store.plan(user_id).await?);
    let entitlements = Some(message::owner_entitlements(user_id, terms));
    Ok(GetOwnerEntitlementsResponse { entitlements })
}
