//! `ListPlans`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::v1::{ListPlansRequest, ListPlansResponse};

use super::{Rpc, message};
use crate::error::Error;

#[expect(clippy::unused_async, reason = "handlers have one form")]
pub(super) async fn list_plans(
    rpc: &Rpc,
    _: &WorkspaceContext,
    _: ListPlansRequest,
) -> Result<ListPlansResponse, Error> {
    Ok(ListPlansResponse { plans: rpc.plans.iter().map(message::plan).collect() })
}
