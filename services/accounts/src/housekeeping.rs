//! Work beside the calls: following the log of deleted workspaces, sweeping what has run out, wrapping tokens anew.

use std::{sync::Arc, time::Duration};

use chrono::TimeDelta;
use postbreeze_context::{
    token::Issuer,
    workspace_log::{self, Follower, Following, Pass},
};
use postbreeze_ids::WorkspaceId;
use postbreeze_runtime::{Environment, clock::Clock, peer::Peer};
use tokio::time::sleep;
use tonic::async_trait;

use crate::{
    store::{Store, mastodon_apps::place_of},
    vault::Vault,
};

const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// How long entries of the log are kept for readers that stood still, and what the sandbox received.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How long the progress of a sending is kept.
const SENDINGS_KEPT: TimeDelta = TimeDelta::days(7);
/// How many tokens are wrapped anew at once.
const REWRAPPED: i64 = 50;

/// Starts the tasks; they end with the process. Answers how the log of deleted workspaces is followed.
pub(crate) fn start(
    environment: &Environment,
    store: &Store,
    vault: &Arc<Vault>,
    issuer: Issuer,
    workspaces: Peer,
) -> Following {
    let stopping = environment.background.stopping().clone();
    let (clock, sweeper) = (environment.clock.clone(), store.clone());
    environment.background.spawn(async move {
        while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
            sweep(&sweeper, &clock).await;
        }
    });
    let stopping = environment.background.stopping().clone();
    let (wrapper, vault) = (store.clone(), Arc::clone(vault));
    environment.background.spawn(async move {
        // At once, and again: until a roll-out is over, others still write under the old key.
        let wrapping = async {
            loop {
                if let Err(error) = rewrap(&wrapper, &vault).await {
                    tracing::warn!(%error, "tokens cannot be wrapped anew");
                }
                sleep(SWEEP_EVERY).await;
            }
        };
        stopping.run_until_cancelled::<_>(wrapping).await;
    });
    let deletions = Deletions { store: store.clone(), clock: environment.clock.clone() };
    workspace_log::follow(environment, store.database(), issuer, workspaces, deletions)
}

async fn sweep(store: &Store, clock: &Clock) {
    let now = clock.now();
    if let Err(error) = postbreeze_idempotency::sweep(store.pool(), now).await {
        tracing::warn!(%error, "idempotency records cannot be swept");
    }
    if let Err(error) = postbreeze_idempotency::sweep_claims(store.pool(), now).await {
        tracing::warn!(%error, "idempotency claims cannot be swept; that is tried again");
    }
    let rest = async {
        store.sweep_states(now).await?;
        store.sweep_account_log(now - KEPT).await?;
        store.sweep_sendings(now - SENDINGS_KEPT).await?;
        store.sweep_sandbox(now - KEPT).await
    };
    if let Err(error) = rest.await {
        tracing::warn!(%error, "what has run out cannot be swept");
    }
}

/// Wraps every token anew that is not under the current key, a few at a time, while everything goes on.
async fn rewrap(store: &Store, vault: &Vault) -> Result<(), sqlx::Error> {
    let (old, mut after, mut unreadable) = (vault.old_ids(), None, 0_u64);
    loop {
        let rows = store.tokens_under(&old, after, REWRAPPED).await?;
        let Some((last, _)) = rows.last() else { break };
        after = Some(*last);
        for (account_id, sealed) in rows {
            match vault.rewrap(account_id, &sealed) {
                Ok(Some(anew)) => store.keep_rewrapped(account_id, &sealed, &anew).await?,
                Ok(None) | Err(_) => unreadable += 1,
            }
        }
    }
    for app in store.mastodon_apps().await? {
        let place = place_of(&app.server_url, &app.redirect_url);
        // One that cannot be opened is registered anew when it is needed.
        if let Ok(Some(anew)) = vault.reseal_at(&place, &app.client_secret) {
            store.reseal_mastodon_app(&app, &anew).await?;
        }
    }
    if unreadable > 0 {
        tracing::error!(unreadable, "tokens cannot be opened: their key is not configured");
    }
    Ok(())
}

struct Deletions {
    store: Store,
    clock: Clock,
}

#[async_trait]
impl Follower for Deletions {
    type Error = sqlx::Error;

    async fn deleted(&self, workspace_id: WorkspaceId, pass: Pass) -> Result<(), sqlx::Error> {
        self.store.release_workspace(workspace_id, pass, self.clock.now()).await
    }
}
