//! Follows the log of `accounts`: what is disconnected is stopped, in the order of its commit, at least once, also after a
//! restart. An account that has expired stops nothing by itself: it may be connected again before anything of it is due.

use std::time::Duration;

use postbreeze_context::token::{CONTEXT, Issuer};
use postbreeze_ids::AccountId;
use postbreeze_proto::internal::v1::{
    ReadAccountLogRequest, account_log_entry::Event,
    account_log_service_client::AccountLogServiceClient,
};
use postbreeze_runtime::{Environment, peer::Peer};
use tokio::time::{Instant, sleep};
use tonic::Request;

use crate::{error::Error, store::Store};

/// After a reading that failed, and after one that told nothing sooner than this: who is stopping lets nobody wait.
const PAUSE: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(5);

/// Follows the log until the process stops.
pub(crate) fn follow(environment: &Environment, store: Store, issuer: Issuer, accounts: Peer) {
    let stopping = environment.background.stopping().clone();
    let follower = Follower { environment: environment.clone(), store, issuer, accounts };
    environment.background.spawn(async move {
        stopping.run_until_cancelled(follower.run()).await;
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
            let read = self.read_on().await;
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
        let mut request = Request::new(ReadAccountLogRequest { after_position });
        request.set_timeout(PATIENCE);
        let token = self.issuer.system_token(&["accounts"]);
        let token = token.map_err(|_| Error::Unreadable("the key that signs context tokens"))?;
        request.metadata_mut().as_mut().insert(CONTEXT, token);
        let answer = AccountLogServiceClient::new(self.accounts.clone())
            .read_account_log(request)
            .await
            .map_err(|status| Error::Peer { peer: "accounts", status })?;
        let entries = answer.into_inner().entries;
        let mut passed = None;
        for entry in &entries {
            if matches!(entry.event, Some(Event::Disconnected(_))) {
                let account_id: Result<AccountId, _> = entry.account_id.parse();
                let account_id = account_id.map_err(|_| Error::Unreadable("account_id"))?;
                let Environment { clock, minter, .. } = &self.environment;
                self.store
                    .disconnect_account(account_id, entry.position, minter, clock.now())
                    .await?;
                passed = None;
            } else {
                passed = Some(entry.position);
            }
        }
        if let Some(position) = passed {
            self.store.pass_accounts(position).await?;
        }
        Ok(entries.len())
    }
}
