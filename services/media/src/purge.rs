//! Deletes bytes that are nobody's any more. Their row says so before they go, and goes, or says that it is done, after
//! they have gone: whoever dies between the two leaves it to be done again.

use std::sync::Arc;

use chrono::TimeDelta;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postbreeze_runtime::{clock::Clock, postgres::bounded};
use tokio::sync::Notify;

use crate::{
    storage::{Key, Storage, StorageError},
    store::{Store, due::Purge},
};

/// When bytes that could not be deleted are tried again.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// How many media's bytes are deleted at once.
const AT_ONCE: usize = 8;

/// Who deletes bytes.
pub(crate) struct Purger {
    pub(crate) store: Store,
    pub(crate) storage: Storage,
    pub(crate) clock: Clock,
    /// Told when something has become due.
    pub(crate) due: Arc<Notify>,
}

impl Purger {
    /// Deletes what is due the longest. Answers whether it was anything: then more may be due.
    pub(crate) async fn run(&self) -> Result<bool, sqlx::Error> {
        let purges = bounded(self.store.due_purges(self.clock.now())).await?;
        let any = !purges.is_empty();
        let purging = stream::iter(purges.into_iter().map(|purge| self.purge(purge)));
        purging.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
        Ok(any)
    }

    async fn purge(&self, purge: Purge) -> Result<(), sqlx::Error> {
        let purge = &purge;
        let erased = self.erase(purge).await;
        let now = self.clock.now();
        match erased {
            Err(error) => {
                let id = purge.id;
                tracing::warn!(%id, error = &error as &dyn std::error::Error, "bytes stay");
                bounded(self.store.purge_again(purge, now + AGAIN)).await
            }
            Ok(()) => match purge.again(now) {
                Some(again) => bounded(self.store.purge_again(purge, again)).await,
                None => bounded(self.store.purged(purge)).await,
            },
        }
    }

    /// Deletes all that the store has of a medium. Again changes nothing.
    async fn erase(&self, purge: &Purge) -> Result<(), StorageError> {
        let medium = Key::of_medium(purge.workspace_id, purge.id);
        self.storage.abandon(&medium, purge.upload_id.as_deref()).await?;
        self.storage.delete(&medium).await?;
        self.storage.delete(&Key::of_thumbnail(purge.workspace_id, purge.id)).await
    }
}
