//! `SandboxService.SetSandboxBehavior`.

use std::time::Duration;

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{SandboxBehavior, SandboxFault, SetSandboxBehaviorRequest, SetSandboxBehaviorResponse},
};

use super::{Rpc, sandbox::load};
use crate::error::Error;

const NEXT_FAULTS: usize = 100;
const RANDOM_FAULTS: usize = 10;
const DELAY: Duration = Duration::from_secs(30);
const RETRY_AFTER: Duration = Duration::from_hours(1);

pub(super) async fn set_sandbox_behavior(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: SetSandboxBehaviorRequest,
) -> Result<SetSandboxBehaviorResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id("account_id", &request.account_id);
    let behavior = request.behavior.unwrap_or_default();
    check(&mut fields, &behavior);
    let (account_id,) = fields.finish((account_id,))?;

    let account = load(rpc, context, account_id, Action::ManageAccounts).await?;
    rpc.store.set_sandbox_behavior(&account, &behavior).await?;
    Ok(SetSandboxBehaviorResponse { behavior: Some(behavior) })
}

fn check(fields: &mut Fields, behavior: &SandboxBehavior) {
    let percent = behavior.fault_percent;
    if !(0..=100).contains(&percent) {
        fields.violate("behavior.fault_percent", "must be 0 to 100");
    }
    check_faults(fields, "behavior.next_faults", &behavior.next_faults, NEXT_FAULTS);
    check_faults(fields, "behavior.random_faults", &behavior.random_faults, RANDOM_FAULTS);
    if percent > 0 && behavior.random_faults.is_empty() {
        fields.violate("behavior.random_faults", "must have what fault_percent draws from");
    }
    for (field, value, most) in [
        ("behavior.delay", behavior.delay.as_ref(), DELAY),
        ("behavior.retry_after", behavior.retry_after.as_ref(), RETRY_AFTER),
    ] {
        let fits = |value| is_sound(value) && Duration::try_from(*value).is_ok_and(|v| v <= most);
        if !value.is_none_or(fits) {
            fields.violate(field, format!("must be 0 to {} seconds", most.as_secs()));
        }
    }
}

/// Conversions would mend what is no duration.
fn is_sound(value: &prost_types::Duration) -> bool {
    value.seconds >= 0 && (0..1_000_000_000).contains(&value.nanos)
}

fn check_faults(fields: &mut Fields, field: &str, faults: &[i32], most: usize) {
    if !fields.count(field, faults.len(), 0..=most) {
        return;
    }
    for (index, number) in faults.iter().enumerate() {
        if SandboxFault::try_from(*number).is_err() {
            let problem = "is not one of the values of this field";
            fields.violate(format!("{field}[{index}]"), problem);
        }
    }
}
