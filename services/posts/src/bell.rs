//! Wakes a background task before its next look at the database: what was committed here is seen at once, what was
//! committed elsewhere at the next look.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

/// The bell of one task. Clones ring the same.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes the task, now or when it next waits.
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for the bell, and no longer than this.
    pub(crate) async fn wait(&self, longest: Duration) {
        // Either way it is time to look.
        let _ = timeout(longest, self.0.notified()).await;
    }
}
