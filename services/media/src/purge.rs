//! Deletes bytes that are nobody's any more. Their row says so before they go, and goes, or says that it is done, after
//! they have gone: whoever dies between the two leaves it to be done again.

use std::sync::Arc;

use chrono::TimeDelta;
use postbreeze_runtime::clock::Clock;
use tokio::sync::Notify;

use crate::{
    storage::{Key, Storage, StorageError},
    store::{Store, due::Purge},
};

/// When bytes that could not be deleted are tried again.
const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// Who deletes bytes.
pub(crate) struct Purger {
    pub(crate) store: Store,
    pub(crate) storage: Storage,
    pub(crate) clock: Clock,
    /// Told when something has become due.
    pub(crate) due: Arc<Notify>,
}

impl Purger {
    /// Deletes all that is due.
    pub(crate) async fn run(&self) -> Result<(), sqlx::Error> {
        loop {
            let purges = self.store.due_purges(self.clock.now()).await?;
            if purges.is_empty() {
                return Ok(());
            }
            for purge in &purges {
                self.purge(purge).await?;
            }
        }
    }

    async fn purge(&self, purge: &Purge) -> Result<(), sqlx::Error> {
        let erased = self.erase(purge).await;
        let now = self.clock.now();
        match erased {
            Err(error) => {
                let id = purge.id;
                tracing::warn!(%id, error = &error as &dyn std::error::Error, "bytes stay");
                self.store.purge_again(purge, now + AGAIN).await
            }
            Ok(()) => match purge.again(now) {
                Some(again) => self.store.purge_again(purge, again).await,
                None => self.store.purged(purge).await,
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
