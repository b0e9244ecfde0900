//! Uses of keys and sessions, collected in memory and written in batches: a call costs no write. What is not written when
//! the process is killed is lost, which costs a few seconds of `last_used_time`.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::KeyId;
use postbreeze_runtime::Environment;
use tokio::time::sleep;
use uuid::Uuid;

use crate::store::Store;

const WRITE_EVERY: Duration = Duration::from_secs(5);
const SWEEP_EVERY: Duration = Duration::from_mins(10);
/// How long expired sessions are kept, so that they answer expired rather than invalid.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(7);
/// How long a session lasts from its last use.
pub(crate) const SESSION_LASTS: TimeDelta = TimeDelta::days(30);
/// A session that was extended within this time is left as it is.
const EXTEND_AFTER: TimeDelta = TimeDelta::hours(1);

/// The uses that are not written yet.
#[derive(Clone, Default)]
pub(crate) struct Touches(Arc<Mutex<Collected>>);

#[derive(Default)]
struct Collected {
    keys: HashMap<KeyId, DateTime<Utc>>,
    sessions: HashMap<Uuid, DateTime<Utc>>,
}

impl Touches {
    /// Starts writing, and sweeping what has run out; the last batch is written when the process stops.
    pub(crate) fn start(environment: &Environment, store: &Store) -> Self {
        let touches = Self::default();
        let (own, writer) = (touches.clone(), store.clone());
        let stopping = environment.background.stopping().clone();
        environment.background.spawn(async move {
            let mut going_on = true;
            while going_on {
                going_on = stopping.run_until_cancelled(sleep(WRITE_EVERY)).await.is_some();
                own.write(&writer).await;
            }
        });
        let (sweeper, clock) = (store.clone(), environment.clock.clone());
        let stopping = environment.background.stopping().clone();
        environment.background.spawn(async move {
            while stopping.run_until_cancelled(sleep(SWEEP_EVERY)).await.is_some() {
                let now = clock.now();
                if let Err(error) = postbreeze_idempotency::sweep(sweeper.pool(), now).await {
                    tracing::warn!(%error, "idempotency records cannot be swept");
                }
                if let Err(error) = sweeper.sweep_sessions(now - SESSIONS_KEPT).await {
                    tracing::warn!(%error, "old sessions cannot be swept");
                }
            }
        });
        touches
    }

    /// A key was used.
    pub(crate) fn key(&self, key_id: KeyId, now: DateTime<Utc>) {
        self.collected(|collected| collected.keys.insert(key_id, now));
    }

    /// A session was used, and slides on unless it did lately.
    pub(crate) fn session(&self, session_id: Uuid, expires: DateTime<Utc>, now: DateTime<Utc>) {
        let until = now + SESSION_LASTS;
        if until - expires >= EXTEND_AFTER {
            self.collected(|collected| collected.sessions.insert(session_id, until));
        }
    }

    /// Writes what was collected; what cannot be written is collected again.
    pub(crate) async fn write(&self, store: &Store) {
        let batch = self.collected(mem::take);
        if batch.keys.is_empty() && batch.sessions.is_empty() {
            return;
        }
        let written = async {
            store.touch_keys(&batch.keys).await?;
            store.extend_sessions(&batch.sessions).await
        };
        if let Err(error) = written.await {
            tracing::warn!(%error, "uses of credentials cannot be written");
            self.collected(|collected| {
                for (key, time) in batch.keys {
                    collected.keys.entry(key).or_insert(time);
                }
                for (session, time) in batch.sessions {
                    collected.sessions.entry(session).or_insert(time);
                }
            });
        }
    }

    fn collected<T>(&self, work: impl FnOnce(&mut Collected) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
