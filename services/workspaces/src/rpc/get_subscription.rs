//! `GetSubscription`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::v1::{GetSubscriptionRequest, GetSubscriptionResponse};

use super::{Rpc, message};
use crate::error::Error;

pub(super) async fn get_subscription(
    rpc: &Rpc,
    context: &WorkspaceContext,
    _: GetSubscriptionRequest,
) -> Result<GetSubscriptionResponse, Error> {
    let user_id = context.user_id()?;
    let row = rpc.store.subscription(user_id).await?;
    Ok(GetSubscriptionResponse { subscription: Some(message::subscription(user_id, row)) })
}
