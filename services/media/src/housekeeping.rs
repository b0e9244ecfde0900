//! Work beside the calls: ending what ends by itself, deleting bytes, following the log of deleted workspaces, sweeping
//! what has run out.

use std::{sync::Arc, time::Duration};

use postbreeze_context::{
    token::Issuer,
    workspace_log::{self, Follower, Following, Pass},
};
use postbreeze_ids::WorkspaceId;
use postbreeze_runtime::{Environment, clock::Clock, peer::Peer, postgres::bounded};
use tokio::{
    sync::Notify,
    time::{sleep, timeout},
};
use tonic::async_trait;

use crate::{purge::Purger, storage::Storage, store::Store};

/// How often it is looked for what is due: a probe of two small indexes.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// No write that is still going on is as old as this.
const STAGING_STAYS: Duration = Duration::from_hours(24);

/// Starts the tasks; they end with the process. Answers how the log of deleted workspaces is followed.
pub(crate) fn start(
    environment: &Environment,
    store: &Store,
    storage: &Storage,
    due: &Arc<Notify>,
    issuer: Issuer,
    workspaces: Peer,
) -> Following {
    let clock = environment.clock.clone();
    let purger = Purger {
        store: store.clone(),
        storage: storage.clone(),
        clock: clock.clone(),
        due: Arc::clone(due),
    };
    end_lapsed(environment, store.clone(), Arc::clone(due));
    purge(environment, purger);
    sweep(environment, store.clone(), storage.clone());
    let deletions = Deletions { store: store.clone(), clock, due: Arc::clone(due) };
    workspace_log::follow(environment, store.database(), issuer, workspaces, deletions)
}

/// Ends what has lapsed, whether or not bytes can be deleted.
fn end_lapsed(environment: &Environment, store: Store, due: Arc<Notify>) {
    let (stopping, clock) = (environment.background.stopping().clone(), environment.clock.clone());
    environment.background.spawn(async move {
        let mut failing = Failing::new("media that lapsed cannot be looked for");
        while stopping.run_until_cancelled(sleep(LOOK_EVERY)).await.is_some() {
            let now = clock.now();
            let Some(lapsed) = failing.note(bounded(store.lapsed_media(now)).await) else {
                continue;
            };
            for id in lapsed {
                match bounded(store.end_lapsed(id, now)).await {
                    Ok(()) => due.notify_one(),
                    Err(error) => {
                        let error = &error as &dyn std::error::Error;
                        tracing::warn!(%id, error, "a medium cannot end");
                    }
                }
            }
        }
    });
}

fn purge(environment: &Environment, purger: Purger) {
    let stopping = environment.background.stopping().clone();
    environment.background.spawn(async move {
        let work = async {
            let mut failing = Failing::new("bytes that are to be deleted cannot be looked for");
            loop {
                if failing.note(purger.run().await) == Some(true) {
                    continue;
                }
                // Woken or not, it looks: what became due is in the database alone.
                drop(timeout(LOOK_EVERY, purger.due.notified()).await);
            }
        };
        stopping.run_until_cancelled::<_>(work).await;
    });
}

/// Tells of a database that does not answer once, and not each time it is asked.
struct Failing {
    told: &'static str,
    failing: bool,
}

impl Failing {
    fn new(told: &'static str) -> Self {
        Self { told, failing: false }
    }

    fn note<T>(&mut self, looked: Result<T, sqlx::Error>) -> Option<T> {
        if let Err(error) = looked.as_ref()
            && !self.failing
        {
            tracing::warn!(%error, "{}", self.told);
        }
        self.failing = looked.is_err();
        looked.ok()
    }
}

fn sweep(environment: &Environment, store: Store, storage: Storage) {
    let (stopping, clock) = (environment.background.stopping().clone(), environment.clock.clone());
    environment.background.spawn(async move {
        while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
            let now = clock.now();
            if let Err(error) = postbreeze_idempotency::sweep(store.pool(), now).await {
                tracing::warn!(%error, "idempotency records cannot be swept");
            }
            if let Err(error) = postbreeze_idempotency::sweep_claims(store.pool(), now).await {
                tracing::warn!(%error, "idempotency claims cannot be swept; that is tried again");
            }
            if let Err(error) = store.sweep_uses(now).await {
                tracing::warn!(%error, "holds that lapsed cannot be swept");
            }
            if let Err(error) = storage.sweep_staging(STAGING_STAYS).await {
                tracing::warn!(%error, "what interrupted writes left cannot be swept");
            }
        }
    });
}

struct Deletions {
    store: Store,
    clock: Clock,
    due: Arc<Notify>,
}

#[async_trait]
impl Follower for Deletions {
    type Error = sqlx::Error;

    async fn deleted(&self, workspace_id: WorkspaceId, pass: Pass) -> Result<(), sqlx::Error> {
        self.store.release_workspace(workspace_id, pass, self.clock.now()).await?;
        self.due.notify_one();
        Ok(())
    }
}
