//! Follows the log of `accounts`: what is disconnected is stopped, and webhooks are told what happened, in the order of its
//! commit, at least once, also after a restart. An account that has expired stops nothing by itself: it may be connected again before anything of it is due.

use std::time::Duration;

use postbreeze_context::token::Issuer;
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_proto::internal::v1::{
    AccountLogEntry, ReadAccountLogRequest, account_log_entry::Event,
    account_log_service_client::AccountLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer, postgres::bounded};
use tokio::time::{Instant, sleep};

use crate::{
    error::Error,
    event::{self, EventKind, Subject},
    store::Store,
};

/// After a reading that failed, and after one that told nothing sooner than this: who is stopping lets nobody wait.
const PAUSE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the log until the process has ended its calls: they are answered from what it tells.
pub(crate) fn follow(environment: &Environment, store: Store, issuer: Issuer, accounts: Peer) {
    let ending = environment.background.ending().clone();
    let follower = Follower { environment: environment.clone(), store, issuer, accounts };
    environment.background.spawn(async move {
        ending.run_until_cancelled(Box::pin(follower.run())).await;
    });
}

struct Follower {
    environment: Environment,
    store: Store,
    issuer: Issuer,
    accounts: Peer,
}

impl Follower {
    async fn run(self) {
        let mut failing = false;
        loop {
            let asked = Instant::now();
            let read = bounded(self.read_on()).await;
            if let Err(cause) = &read
                && !failing
            {
                tracing::warn!(%cause, "the log of accounts cannot be followed");
            }
            failing = read.is_err();
            if failing || (matches!(read, Ok(0)) && asked.elapsed() < PAUSE) {
                sleep(PAUSE).await;
            }
        }
    }

    /// Deals with what there is after the last entry that was dealt with, and answers how many entries there were.
    async fn read_on(&self) -> Result<usize, Error> {
        let after_position = self.store.account_log_position().await?;
        let read = ReadAccountLogRequest { after_position };
        let request = self.issuer.request(read, &["accounts"], PATIENCE);
        let request = request.map_err(|_| Error::Crypto)?;
        let answer = AccountLogServiceClient::new(self.accounts.clone())
            .read_account_log(request)
            .await
            .map_err(|status| Error::Peer { peer: "accounts", status })?;
        let entries = answer.into_inner().entries;
        for entry in &entries {
            self.deal_with(entry).await?;
        }
        Ok(entries.len())
    }

    /// Stops what is to be stopped, then tells webhooks and moves the position on.
    async fn deal_with(&self, entry: &AccountLogEntry) -> Result<(), Error> {
        let Environment { clock, minter, .. } = &self.environment;
        let now = clock.now();
        let id: AccountId =
            entry.account_id.parse().map_err(|_| Error::Unreadable("account_id"))?;
        let (kind, revoked) = match &entry.event {
            Some(Event::Connected(_)) => (EventKind::AccountConnected, None),
            Some(Event::Expired(expired)) => (EventKind::AccountExpired, Some(expired.revoked)),
            Some(Event::Disconnected(_)) => {
                self.store.disconnect_account(id, minter, now).await?;
                (EventKind::AccountDisconnected, None)
            }
            // An event of a later version: not ours to deal with.
            None => return Ok(self.store.pass_account(entry.position, None, now).await?),
        };
        let workspace_id: WorkspaceId =
            entry.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
        let (platform, handle) = (entry.platform(), entry.handle.clone());
        let event = event::Event {
            id: minter.mint(workspace_id.bucket()),
            workspace_id,
            kind,
            subject: Subject::Account { id, platform, handle, revoked },
        };
        Ok(self.store.pass_account(entry.position, Some(event), now).await?)
    }
}
