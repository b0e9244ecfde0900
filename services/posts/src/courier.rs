//! Carries events to webhooks. The relay makes deliveries of what is in the outbox; the courier takes those that are due,
//! sends them, and writes down what came of it. All that is known is in rows: any replica may die at any moment, and another
//! goes on where it was.

mod attempt;

use std::sync::Arc;

use postbreeze_egress::Egress;
use postbreeze_ids::WebhookId;
use postbreeze_runtime::{
    Environment,
    postgres::{bounded, is_about_values},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use self::attempt::Attempt;
use crate::{bell::Bells, store::Store, vault::Vault};

/// Deliveries that one process has on their way at the most.
const AT_ONCE: usize = 16;
/// Events that one look at the outbox deals with.
const EVENTS: i64 = 200;
/// Webhooks that one look at the queue deals with.
const WEBHOOKS: i64 = 32;

/// What the courier works with.
#[derive(Clone)]
pub(crate) struct Courier {
    pub(crate) store: Store,
    pub(crate) environment: Environment,
    pub(crate) vault: Arc<Vault>,
    pub(crate) egress: Egress,
    pub(crate) bells: Bells,
}

impl Courier {
    /// Starts the relay and the courier; they end with the process.
    pub(crate) fn start(self) {
        let background = self.environment.background.clone();
        for task in [Task::Relay, Task::Send] {
            let (courier, stopping) = (self.clone(), background.stopping().clone());
            background.spawn(async move {
                let working = async {
                    match task {
                        Task::Relay => courier.relay().await,
                        Task::Send => courier.send().await,
                    }
                };
                stopping.run_until_cancelled(Box::pin(working)).await;
            });
        }
    }

    async fn relay(&self) {
        let mut failing = false;
        loop {
            self.bells.events.wait().await;
            let relayed = bounded(self.relay_waiting()).await;
            failing = told(relayed.as_ref().err(), failing, "the outbox cannot be emptied");
            // A full look has left something.
            if relayed.is_ok_and(|count| count == EVENTS) {
                self.bells.events.ring();
            }
        }
    }

    /// Makes the deliveries of waiting events. Answers how many events there were.
    async fn relay_waiting(&self) -> Result<i64, sqlx::Error> {
        let events = self.store.waiting_events(EVENTS).await?;
        if events.is_empty() {
            return Ok(0);
        }
        let (mut made, mut trouble) = (0, None);
        match self.store.relay_events(&events, self.environment.clock.now()).await {
            Ok(count) => made = count,
            // One that is in the way keeps no other from being told.
            Err(error) if is_about_values(&error) => {
                for id in &events {
                    let one = std::slice::from_ref(id);
                    match self.store.relay_events(one, self.environment.clock.now()).await {
                        Ok(count) => made += count,
                        Err(error) => trouble = Some(error),
                    }
                }
            }
            Err(error) => return Err(error),
        }
        if made > 0 {
            self.bells.deliveries.ring();
        }
        match trouble {
            Some(error) => Err(error),
            None => Ok(i64::try_from(events.len()).unwrap_or(EVENTS)),
        }
    }

    async fn send(&self) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut failing = false;
        loop {
            self.bells.deliveries.wait().await;
            let sent = self.send_due(&permits).await;
            failing = told(sent.as_ref().err(), failing, "deliveries cannot be taken");
            if sent.is_ok_and(|count| count > 0) {
                self.bells.deliveries.ring();
            }
        }
    }

    /// Begins to send what is due. Answers how many deliveries that were.
    async fn send_due(&self, permits: &Arc<Semaphore>) -> Result<usize, sqlx::Error> {
        let mut begun = 0;
        let due = self.store.due_webhooks(self.environment.clock.now(), WEBHOOKS);
        for id in bounded(due).await? {
            let Ok(permit) = Arc::clone(permits).acquire_owned().await else { break };
            let mut held = vec![permit];
            held.extend(Arc::clone(permits).try_acquire_owned());
            begun += self.send_to(id, held).await?;
        }
        Ok(begun)
    }

    /// Begins to send what is due of one webhook, as much as there are permits for.
    async fn send_to(
        &self,
        id: WebhookId,
        permits: Vec<OwnedSemaphorePermit>,
    ) -> Result<usize, sqlx::Error> {
        let most = i64::try_from(permits.len()).unwrap_or(i64::MAX);
        let now = self.environment.clock.now();
        let taken = bounded(self.store.take_deliveries(id, most, now)).await?;
        let Some(taken) = taken else { return Ok(0) };
        let begun = taken.deliveries.len();
        for (attempt, permit) in Attempt::all_of(self, taken).into_iter().zip(permits) {
            let (courier, background) = (self.clone(), self.environment.background.clone());
            self.environment.background.spawn(async move {
                // What does not end in time is sent again by another.
                background.finish(Box::pin(attempt.make(&courier))).await;
                drop(permit);
                courier.bells.deliveries.ring();
            });
        }
        Ok(begun)
    }
}

#[derive(Clone, Copy)]
enum Task {
    Relay,
    Send,
}

/// Tells of the first of several failures. Answers whether this was one.
fn told(error: Option<&sqlx::Error>, failing: bool, what: &'static str) -> bool {
    if let Some(error) = error
        && !failing
    {
        tracing::warn!(%error, "{what}");
    }
    error.is_some()
}
