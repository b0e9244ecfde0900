//! Writes outcomes down, many in one transaction. None is given up while the database is away: what the network answered is
//! known nowhere else.

use std::{sync::Arc, time::Duration};

use postbreeze_ids::PostId;
use postbreeze_runtime::postgres::{bounded, is_about_values};
use tokio::{
    sync::mpsc::UnboundedReceiver,
    time::{Instant, sleep, timeout_at},
};

use super::{
    Shared,
    settle::{Done, Outcome, settle},
};
use crate::{
    error::Error,
    store::{
        attempts::end_attempts,
        outgoing::{lock, read, save},
    },
};

/// Outcomes of one transaction at the most.
const BATCH: usize = 64;
/// How long the first of them waits for others.
const GATHER: Duration = Duration::from_millis(3);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Writes outcomes until nobody is left to send any.
pub(super) async fn write_all(shared: Arc<Shared>, mut outcomes: UnboundedReceiver<Done>) {
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(first) = outcomes.recv().await {
        batch.push(first);
        let until = Instant::now() + GATHER;
        while batch.len() < BATCH && shared.pace().under_way() > batch.len() {
            match timeout_at(until, outcomes.recv()).await {
                Ok(Some(next)) => batch.push(next),
                _ => break,
            }
        }
        write(&shared, &batch).await;
        shared.let_go(batch.drain(..));
    }
}

async fn write(shared: &Shared, batch: &[Done]) {
    let mut pause = FIRST_PAUSE;
    loop {
        match bounded(write_once(shared, batch)).await {
            Ok(()) => {
                shared.has_written(true);
                return;
            }
            Err(cause) if !is_lasting(&cause) => {
                shared.has_written(false);
                tracing::warn!(%cause, outcomes = batch.len(), "outcomes cannot be written yet");
            }
            // Something about one of them: the others must not wait for it. Its claim runs out, and it is looked for.
            Err(cause) if batch.len() == 1 => {
                tracing::error!(target_id = %batch[0].target_id, %cause, "an outcome cannot be written");
                return;
            }
            Err(_) => {
                for one in batch {
                    Box::pin(write(shared, std::slice::from_ref(one))).await;
                }
                return;
            }
        }
        if shared.has_waited_to_stop() {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether an error is about what is written, and would be the same at any other time.
fn is_lasting(error: &Error) -> bool {
    match error {
        Error::Database(cause) => is_about_values(cause),
        _ => true,
    }
}

#[tracing::instrument(skip_all, name = "publisher.settle", err(level = "debug"))]
async fn write_once(shared: &Shared, batch: &[Done]) -> Result<(), Error> {
    let now = shared.environment.clock.now();
    let mut ids: Vec<PostId> = batch.iter().map(|done| done.post_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut transaction = shared.store.begin().await?;
    let locked = lock(&mut transaction, &ids, true).await?;
    let mut posts = read(&mut transaction, &locked, false).await?;
    let mut ended = Vec::with_capacity(batch.len());
    for done in batch {
        let post = posts.iter_mut().find(|post| post.id == done.post_id);
        ended.extend(post.and_then(|post| settle(post, done, now)));
    }
    let noted = save(&mut transaction, &shared.environment.minter, &posts, now).await?;
    end_attempts(&mut transaction, &ended, now).await?;
    transaction.commit().await?;
    if noted {
        shared.notices.wake();
    }
    Ok(())
}

impl Shared {
    /// Counts outcomes that were written, and makes room for others.
    fn let_go(&self, batch: impl Iterator<Item = Done>) {
        let now = self.environment.clock.now();
        let mut pace = self.pace();
        for done in batch {
            self.metrics.attempted(&done);
            pace.release(done.target_id);
            if let Outcome::Failed { retry_after: Some(wait), .. } = done.outcome
                && !done.outcome.is_in_progress()
                && let Ok(wait) = chrono::TimeDelta::from_std(wait)
            {
                pace.leave_alone(done.account_id, now + wait);
            }
        }
        drop(pace);
        self.freed.notify_one();
    }
}
