//! `AccountSourceService.LookUpAccounts`: what `posts` asks, and admits by itself.

use postbreeze_context::WorkspaceContext;
use postbreeze_ids::Account;
use postbreeze_proto::{
    fields::Fields,
    internal::v1::{AccountSummary, LookUpAccountsRequest, LookUpAccountsResponse},
};

use super::{Rpc, message};
use crate::error::Error;

const ACCOUNTS: usize = 100;

pub(super) async fn look_up_accounts(
    rpc: &Rpc,
    _: &WorkspaceContext,
    request: LookUpAccountsRequest,
) -> Result<LookUpAccountsResponse, Error> {
    let mut fields = Fields::new();
    let ids = fields.ids::<Account>("account_ids", &request.account_ids, 0..=ACCOUNTS);
    let (ids,) = fields.finish((ids,))?;
    let rows = rpc.store.find_accounts(&ids).await?;
    let accounts = rows.into_iter().map(|row| {
        Ok(AccountSummary {
            account_id: row.id.to_string(),
            workspace_id: row.workspace_id.to_string(),
            platform: row.platform.into(),
            status: message::status(&row.status)?.into(),
            max_characters: row.max_characters,
        })
    });
    Ok(LookUpAccountsResponse { accounts: accounts.collect::<Result<_, Error>>()? })
}
