//! Wakes a background task: it sleeps until something may be due.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::store::lookout::Due;

/// The bell of one task. Clones ring the same.
#[derive(Clone, Default)]
pub(crate) struct Bell(Arc<Notify>);

impl Bell {
    /// Wakes the task, now or when it next waits.
    pub(crate) fn ring(&self) {
        self.0.notify_one();
    }

    /// Waits for the bell.
    pub(crate) async fn wait(&self) {
        self.0.notified().await;
    }
}

/// The bells of the tasks that deal with what is due in rows.
#[derive(Clone, Default)]
pub(crate) struct Bells {
    /// Events wait for their deliveries to be made.
    pub(crate) events: Bell,
    /// Deliveries are due.
    pub(crate) deliveries: Bell,
    /// Replies are to be looked for.
    pub(crate) replies: Bell,
    /// Comments are to be fetched.
    pub(crate) comments: Bell,
}

impl Bells {
    /// The bell of whoever deals with this.
    pub(crate) fn of(&self, what: Due) -> &Bell {
        match what {
            Due::Events => &self.events,
            Due::Deliveries => &self.deliveries,
            Due::Replies => &self.replies,
            Due::Comments => &self.comments,
        }
    }
}
