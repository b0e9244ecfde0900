//! `ChangeSubscription`.

use postbreeze_context::WorkspaceContext;
use postbreeze_proto::{
    fields::Fields,
    v1::{self, ChangeSubscriptionRequest, ChangeSubscriptionResponse},
};

use super::{Rpc, message};
use crate::{error::Error, plan::Plan, store::Change};

pub(super) async fn change_subscription(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: ChangeSubscriptionRequest,
) -> Result<ChangeSubscriptionResponse, Error> {
    let user_id = context.user_id()?;
    let mut fields = Fields::new();
    let plan = fields.choice::<v1::Plan>("plan", request.plan).and_then(Plan::from_proto);
    let (plan,) = fields.finish((plan,))?;

    let held = rpc.store.subscription(user_id).await?;
    if held.map(|row| row.plan).unwrap_or_default() == plan {
        let subscription = Some(message::subscription(user_id, held));
        return Ok(ChangeSubscriptionResponse { subscription });
    }
    if !rpc.self_service_plans {
        return Err(Error::PlansNotSelfService);
    }
    let now = rpc.clock.now();
    let effect = async |mut change: Change| {
        let row = change.subscribe(user_id, plan, now).await?;
        let subscription = Some(message::subscription(user_id, Some(row)));
        Ok((change, ChangeSubscriptionResponse { subscription }))
    };
    rpc.store.change(effect).await
}
