//! What `accounts` knows of the accounts that posts go to, and what follows from it.

use std::collections::{HashMap, HashSet};

use postbreeze_context::{Action, Claim, WorkspaceContext};
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_proto::{
    internal::v1::{
        AccountSummary, LookUpAccountsRequest,
        account_source_service_client::AccountSourceServiceClient,
    },
    status::{Fault, Reason, Violation},
    v1::{AccountStatus, Platform},
};

use super::Rpc;
use crate::{error::Error, store::posts::Post};

/// An account that a post goes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) workspace_id: WorkspaceId,
    pub(super) platform: Platform,
    pub(super) active: bool,
    /// How many characters it may write, where its server says so.
    pub(super) caption_limit: Option<usize>,
}

/// Accounts that were looked up, by id.
pub(super) type Accounts = HashMap<AccountId, Account>;

/// The accounts that a request names, in its order, whoever may reach them.
///
/// # Errors
/// NOT_FOUND, naming the first that does not exist.
pub(super) async fn find(rpc: &Rpc, ids: &[AccountId]) -> Result<Vec<Account>, Error> {
    let known = look_up(rpc, ids.iter().copied()).await?;
    let find = |id: &AccountId| {
        let account = known.get(id).copied();
        account.ok_or_else(|| Error::NotFound { resource: "account", id: id.to_string() })
    };
    ids.iter().map(find).collect()
}

/// An account that something is to be sent with.
///
/// # Errors
/// `ACCOUNT_NOT_ACTIVE` when it cannot be used, or is not known.
pub(super) async fn find_active(rpc: &Rpc, id: AccountId) -> Result<(), Error> {
    let known = look_up(rpc, std::iter::once(id)).await?;
    match known.get(&id) {
        Some(account) if account.active => Ok(()),
        _ => Err(Error::AccountNotActive(id)),
    }
}

/// The accounts of a post's targets, as far as they are known.
pub(super) async fn of_post(rpc: &Rpc, post: &Post) -> Result<Accounts, Error> {
    look_up(rpc, post.targets.iter().map(|target| target.account_id)).await
}

/// Accounts as far as they are known. Asks only when there is something to ask.
async fn look_up(rpc: &Rpc, ids: impl Iterator<Item = AccountId>) -> Result<Accounts, Error> {
    // Each once: a request may name one twice.
    let distinct: HashSet<AccountId> = ids.collect();
    // Who asks for none does not need `accounts`.
    if distinct.is_empty() {
        return Ok(Accounts::new());
    }
    let request =
        LookUpAccountsRequest { account_ids: distinct.iter().map(ToString::to_string).collect() };
    let answer = AccountSourceServiceClient::new(rpc.accounts.clone())
        .look_up_accounts(request)
        .await
        .map_err(|status| Error::Peer { peer: "accounts", status })?;
    answer.into_inner().accounts.iter().map(read).collect()
}

fn read(summary: &AccountSummary) -> Result<(AccountId, Account), Error> {
    let id = summary.account_id.parse().map_err(|_| Error::Unreadable("account_id"))?;
    let workspace_id =
        summary.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
    let active = summary.status() == AccountStatus::Active;
    let caption_limit = summary.max_characters.and_then(|most| usize::try_from(most).ok());
    Ok((id, Account { id, workspace_id, platform: summary.platform(), active, caption_limit }))
}

/// Every account must be in the caller's reach.
pub(super) fn check_reach(context: &WorkspaceContext, accounts: &[Account]) -> Result<(), Error> {
    for account in accounts {
        context.admit(Claim::on(account.workspace_id), Action::Read)?;
    }
    Ok(())
}

/// Every account must be of one workspace.
///
/// # Errors
/// `ACCOUNTS_SPAN_WORKSPACES`, naming every target at fault.
pub(super) fn check_span(workspace_id: WorkspaceId, accounts: &[Account]) -> Result<(), Fault> {
    let strangers = accounts.iter().enumerate().filter(|(_, one)| one.workspace_id != workspace_id);
    let violations: Vec<_> = strangers
        .map(|(index, _)| Violation {
            field: format!("platforms[{index}].account_id"),
            reason: Reason::AccountsSpanWorkspaces,
            description: "is an account of another workspace".to_owned(),
        })
        .collect();
    if violations.is_empty() { Ok(()) } else { Err(Fault::invalid(violations)) }
}

/// Every account must be able to publish.
///
/// # Errors
/// `ACCOUNT_NOT_ACTIVE`, naming the first that is not.
pub(super) fn check_active<'a>(
    accounts: impl IntoIterator<Item = &'a Account>,
) -> Result<(), Error> {
    match accounts.into_iter().find(|account| !account.active) {
        None => Ok(()),
        Some(account) => Err(Error::AccountNotActive(account.id)),
    }
}
