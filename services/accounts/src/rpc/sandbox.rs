//! What the RPCs of `SandboxService` have in common.

use postbreeze_context::{Action, Admitted, WorkspaceContext};
use postbreeze_ids::AccountId;
use postbreeze_proto::{fields::Fields, status::Fault, v1::Platform};

use super::{Rpc, get_social_account};
use crate::{error::Error, store::accounts::AccountRow};

/// Finds a SANDBOX account for an action.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    account_id: AccountId,
    action: Action,
) -> Result<Admitted<AccountRow>, Error> {
    let account = get_social_account::load(rpc, context, account_id, action).await?;
    if i32::from(account.platform) == i32::from(Platform::Sandbox) {
        return Ok(account);
    }
    let mut fields = Fields::new();
    fields.violate("account_id", "is an account of another network than SANDBOX");
    Err(Fault::invalid(fields.into_violations()).into())
}
