//! `SocialAccountService.GetSocialAccount`.

use postbreeze_context::{Action, Admitted, WorkspaceContext};
use postbreeze_ids::AccountId;
use postbreeze_proto::{
    fields::Fields,
    v1::{GetSocialAccountRequest, GetSocialAccountResponse},
};

use super::{Rpc, message};
use crate::{error::Error, store::accounts::AccountRow};

pub(super) async fn get_social_account(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: GetSocialAccountRequest,
) -> Result<GetSocialAccountResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id("account_id", &request.account_id);
    let (account_id,) = fields.finish((account_id,))?;
    let account = load(rpc, context, account_id, Action::Read).await?;
    Ok(GetSocialAccountResponse { account: Some(message::account(account.into_row())?) })
}

/// Finds an account for an action.
pub(super) async fn load(
    rpc: &Rpc,
    context: &WorkspaceContext,
    account_id: AccountId,
    action: Action,
) -> Result<Admitted<AccountRow>, Error> {
    let claim = rpc.store.find_account(account_id).await?;
    Ok(context.admit(claim.ok_or(Error::NotFound(account_id))?, action)?)
}
