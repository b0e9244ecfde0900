//! Uses of keys and sessions, collected in memory and written in batches: a call costs no write. What is not written when
//! the process is killed is lost, which costs a few seconds of `last_used_time`. A process that is stopping serves on for
//! a while: from then on each use is written with its call, since there is no later batch.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::KeyId;
use postbreeze_runtime::{Background, Environment, postgres::bounded};
use tokio::time::sleep;
use uuid::Uuid;

use crate::store::Store;

const WRITE_EVERY: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// How long expired sessions are kept, so that they answer expired rather than invalid.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(7);
/// How long secrets that a rotation ended are kept, so that they answer revoked or expired rather than invalid.
const SECRETS_KEPT: TimeDelta = TimeDelta::days(90);
/// How long a session lasts from its last use.
pub(crate) const SESSION_LASTS: TimeDelta = TimeDelta::days(30);
/// A session that was extended within this time is left as it is.
const EXTEND_AFTER: TimeDelta = TimeDelta::minutes(1);
/// A session that has less than this left is extended at once: it might run out before the batch is written.
const AT_ONCE_BELOW: TimeDelta = TimeDelta::hours(1);

/// The uses that are not written yet.
#[derive(Clone)]
pub(crate) struct Touches {
    collected: Arc<Mutex<Collected>>,
    store: Store,
    background: Background,
}

#[derive(Default)]
struct Collected {
    keys: HashMap<KeyId, DateTime<Utc>>,
    sessions: HashMap<Uuid, DateTime<Utc>>,
}

impl Touches {
    /// Starts writing, and sweeping what has run out.
    pub(crate) fn start(environment: &Environment, store: &Store) -> Self {
        let background = environment.background.clone();
        let touches = Self { collected: Arc::default(), store: store.clone(), background };
        let (writer, stopping) = (touches.clone(), touches.background.stopping().clone());
        environment.background.spawn(async move {
            let mut going_on = true;
            while going_on {
                going_on = stopping.run_until_cancelled(sleep(WRITE_EVERY)).await.is_some();
                writer.write().await;
            }
        });
        let (sweeper, clock) = (store.clone(), environment.clock.clone());
        let stopping = environment.background.stopping().clone();
        environment.background.spawn(async move {
            while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
                sweep(&sweeper, clock.now()).await;
            }
        });
        touches
    }

    /// A key was used.
    pub(crate) async fn key(&self, key_id: KeyId, now: DateTime<Utc>) {
        self.collect(|collected| collected.keys.insert(key_id, now));
        self.write_if_stopping().await;
    }

    /// A session was used, and slides on unless it did a moment ago.
    pub(crate) async fn session(
        &self,
        session_id: Uuid,
        expires: DateTime<Utc>,
        now: DateTime<Utc>,
    ) {
        let until = now + SESSION_LASTS;
        if until - expires < EXTEND_AFTER {
            return;
        }
        if expires - now < AT_ONCE_BELOW {
            match self.store.extend_sessions(&HashMap::from([(session_id, until)])).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "a session cannot be extended at once"),
            }
        }
        self.collect(|collected| collected.sessions.insert(session_id, until));
        self.write_if_stopping().await;
    }

    async fn write_if_stopping(&self) {
        if self.background.stopping().is_cancelled() {
            self.write().await;
        }
    }

    /// Writes what was collected; what cannot be written is collected again.
    async fn write(&self) {
        let batch = self.collect(mem::take);
        if let Err(error) = bounded(self.write_batch(&batch)).await {
            tracing::warn!(%error, "uses of credentials cannot be written");
            self.collect(|collected| {
                for (key, time) in batch.keys {
                    collected.keys.entry(key).or_insert(time);
                }
                for (session, time) in batch.sessions {
                    collected.sessions.entry(session).or_insert(time);
                }
            });
        }
    }

    async fn write_batch(&self, batch: &Collected) -> Result<(), sqlx::Error> {
        if !batch.keys.is_empty() {
            self.store.touch_keys(&batch.keys).await?;
        }
        if !batch.sessions.is_empty() {
            self.store.extend_sessions(&batch.sessions).await?;
        }
        Ok(())
    }

    fn collect<T>(&self, work: impl FnOnce(&mut Collected) -> T) -> T {
        work(&mut self.collected.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Deletes what nobody asks for any more.
async fn sweep(store: &Store, now: DateTime<Utc>) {
    if let Err(error) = postbreeze_idempotency::sweep(store.pool(), now).await {
        tracing::warn!(%error, "idempotency records cannot be swept");
    }
    if let Err(error) = store.sweep_sessions(now - SESSIONS_KEPT).await {
        tracing::warn!(%error, "old sessions cannot be swept");
    }
    if let Err(error) = store.sweep_secrets(now - SECRETS_KEPT).await {
        tracing::warn!(%error, "old secrets cannot be swept");
    }
}
