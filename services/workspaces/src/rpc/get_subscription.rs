//! `GetSubscription`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::v1::{GetSubscriptionRequest, GetSubscriptionResponse};

use super::{Handlers, messages};
use crate::error::Error;

pub(super) async fn get_subscription(
    handlers: &Handlers,
    context: &WorkspaceContext,
    _: GetSubscriptionRequest,
) -> Result<GetSubscriptionResponse, Error> {
    let user_id = context.user_id()?;
    let row = handlers.store.subscription(user_id).await?;
    Ok(GetSubscriptionResponse { subscription: Some(messages::subscription(user_id, row)) })
}
