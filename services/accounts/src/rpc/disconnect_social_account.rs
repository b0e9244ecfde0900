//! `SocialAccountService.DisconnectSocialAccount`.

use postbreeze_context::{Action, WorkspaceContext};
use postbreeze_proto::{
    fields::Fields,
    v1::{DisconnectSocialAccountRequest, DisconnectSocialAccountResponse},
};

use super::{Rpc, get_social_account::load, message};
use crate::{account::AccountStatus, error::Error};

pub(super) async fn disconnect_social_account(
    rpc: &Rpc,
    context: &WorkspaceContext,
    request: DisconnectSocialAccountRequest,
) -> Result<DisconnectSocialAccountResponse, Error> {
    let mut fields = Fields::new();
    let account_id = fields.id("account_id", &request.account_id);
    let (account_id,) = fields.finish((account_id,))?;
    let account = load(rpc, context, account_id, Action::ManageAccounts).await?;
    rpc.store.disconnect(&account, rpc.environment.clock.now()).await?;
    let mut row = account.into_row();
    row.status = AccountStatus::Disconnected.as_str().to_owned();
    Ok(DisconnectSocialAccountResponse { account: Some(message::account(row)?) })
}
