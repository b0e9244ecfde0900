//! `ListPlans`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::v1::{ListPlansRequest, ListPlansResponse};

use super::{Handlers, messages};
use crate::error::Error;

#[expect(clippy::unused_async, reason = "handlers have one form")]
pub(super) async fn list_plans(
    handlers: &Handlers,
    _: &WorkspaceContext,
    _: ListPlansRequest,
) -> Result<ListPlansResponse, Error> {
    Ok(ListPlansResponse { plans: handlers.plans.iter().map(messages::plan).collect() })
}
