//! Follows the log of `accounts`: what is disconnected is stopped, and webhooks are told what happened, in the order of its
//! commit, at least once, also after a restart. An account that has expired stops nothing by itself: it may be connected again before anything of it is due.

use std::time::Duration;

use postbreeze_context::token::Issuer;
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_log_follower::{Failure, Following, Log, Page, Pass};
use postbreeze_proto::internal::v1::{
    AccountLogEntry, ReadAccountLogRequest, ReadAccountLogResponse, account_log_entry::Event,
    account_log_service_client::AccountLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer};
use tonic::async_trait;

use crate::{
    event::{self, EventKind, Subject},
    store::Store,
};

const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the log until the process stops.
pub(crate) fn follow(
    environment: &Environment,
    store: Store,
    issuer: Issuer,
    accounts: Peer,
) -> Following {
    let database = store.database().clone();
    let log = AccountLog { environment: environment.clone(), store, issuer, accounts };
    postbreeze_log_follower::follow(environment, &database, log)
}

struct AccountLog {
    environment: Environment,
    store: Store,
    issuer: Issuer,
    accounts: Peer,
}

impl AccountLog {
    /// Stops what is on its way to an account that is gone.
    async fn stop(&self, id: AccountId) -> Result<(), Failure> {
        let Environment { clock, minter, .. } = &self.environment;
        let stopped = self.store.disconnect_account(id, minter, clock.now()).await;
        stopped.map_err(Failure::failed)
    }
}

fn account_id(entry: &AccountLogEntry) -> Result<AccountId, Failure> {
    entry.account_id.parse().map_err(|error| Failure::unreadable("account_id", error))
}

#[async_trait]
impl Log for AccountLog {
    type Entry = AccountLogEntry;

    const NAME: &'static str = "accounts";
    const POSITION_TABLE: &'static str = "account_log_position";

    async fn read(&self, after_position: i64) -> Result<Page<AccountLogEntry>, String> {
        let read = ReadAccountLogRequest { after_position };
        let request = self.issuer.request(read, &["accounts"], PATIENCE);
        let request = request.map_err(|error| error.to_string())?;
        let answer = AccountLogServiceClient::new(self.accounts.clone())
            .read_account_log(request)
            .await
            .map_err(|status| status.to_string())?;
        let ReadAccountLogResponse { entries, last_position } = answer.into_inner();
        Ok(Page { entries, last_position })
    }

    fn position(entry: &AccountLogEntry) -> i64 {
        entry.position
    }

    fn subject(entry: &AccountLogEntry) -> &str {
        &entry.account_id
    }

    /// Stops what is to be stopped, then tells webhooks and marks the entry.
    async fn handle(&self, entry: &AccountLogEntry, pass: Pass) -> Result<(), Failure> {
        let Environment { clock, minter, .. } = &self.environment;
        let id = account_id(entry)?;
        let (kind, revoked) = match &entry.event {
            Some(Event::Connected(_)) => (EventKind::AccountConnected, None),
            Some(Event::Expired(expired)) => (EventKind::AccountExpired, Some(expired.revoked)),
            Some(Event::Disconnected(_)) => {
                self.stop(id).await?;
                (EventKind::AccountDisconnected, None)
            }
            // An event of a later version: not ours to deal with.
            None => return pass.mark_alone(self.store.pool()).await.map_err(Failure::failed),
        };
        let workspace_id: WorkspaceId = entry
            .workspace_id
            .parse()
            .map_err(|error| Failure::unreadable("workspace_id", error))?;
        let (platform, handle) = (entry.platform(), entry.handle.clone());
        let event = event::Event {
            id: minter.mint(workspace_id.bucket()),
            workspace_id,
            kind,
            subject: Subject::Account { id, platform, handle, revoked },
        };
        self.store.pass_account(pass, event, clock.now()).await.map_err(Failure::failed)
    }

    /// Nothing goes out to an account that is gone, whatever became of what was told of it before.
    async fn handle_ahead(&self, entry: &AccountLogEntry) -> Result<(), Failure> {
        match &entry.event {
            Some(Event::Disconnected(_)) => self.stop(account_id(entry)?).await,
            _ => Ok(()),
        }
    }
}
