//! Retries entries that were set aside.

use std::{io, sync::Arc, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use prost::Message as _;
use tokio::time::{sleep, timeout};

use crate::{Failure, Log, Pass, Shared, failed::Claimed, unfinished};

/// How often due entries are looked for: a probe of a table that is empty as a rule.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long one retry may take.
const ATTEMPT: Duration = Duration::from_secs(30);
/// How long looking for entries and retrying them may take: a connection to the database may never answer.
const LOOK_WITHIN: Duration = Duration::from_secs(45);
/// How long others leave an entry alone that is retried: longer than a retry takes.
const LEASE: TimeDelta = TimeDelta::seconds(60);

pub(crate) struct Retrier<L> {
    pub(crate) shared: Arc<Shared<L>>,
}

impl<L: Log> Retrier<L> {
    pub(crate) async fn run(self) {
        let mut failing = false;
        loop {
            let looked = timeout(LOOK_WITHIN, self.retry_due()).await;
            let looked =
                looked.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()));
            if let Err(error) = &looked
                && !failing
            {
                tracing::warn!(
                    log = L::NAME,
                    %error,
                    "entries that were set aside cannot be looked for: it is tried again"
                );
            }
            failing = looked.is_err();
            // After a success the next entry of its subject may be due at once.
            if !matches!(looked, Ok(true)) {
                sleep(LOOK_EVERY).await;
            }
        }
    }

    /// Retries what is due, and answers whether any of it was handled.
    async fn retry_due(&self) -> Result<bool, sqlx::Error> {
        let Shared { failed, clock, metrics, following, .. } = &*self.shared;
        let now = clock.now();
        let claimed = failed.claim(now, now + LEASE).await?;
        let handled = join_all(claimed.iter().map(|entry| self.retry(entry))).await;
        let counts = failed.counts().await?;
        metrics.set_aside(counts);
        following.set_aside(counts);
        Ok(handled.contains(&true))
    }

    async fn retry(&self, claimed: &Claimed) -> bool {
        let Shared { failed, clock, metrics, .. } = &*self.shared;
        let position = claimed.position;
        let attempt = timeout(ATTEMPT, self.handle(claimed)).await;
        let Err(failure) = attempt.unwrap_or_else(|_| Err(unfinished(ATTEMPT))) else {
            let attempts = claimed.attempts;
            tracing::info!(
                log = L::NAME,
                position,
                attempts,
                "an entry that was set aside is handled"
            );
            return true;
        };
        metrics.failed(&failure);
        tracing::warn!(
            log = L::NAME,
            position,
            ?failure,
            "an entry failed again: it is retried later"
        );
        if let Err(error) = failed.failed_again(claimed, &failure, clock.now()).await {
            tracing::warn!(
                log = L::NAME,
                position,
                %error,
                "a failure cannot be written down: the entry is retried when its lease ends"
            );
        }
        false
    }

    async fn handle(&self, claimed: &Claimed) -> Result<(), Failure> {
        let entry = L::Entry::decode(claimed.entry.as_slice())
            .map_err(|error| Failure::unreadable("entry", error))?;
        let pass = Pass::retry(L::NAME, claimed.position);
        self.shared.log.handle(&entry, pass).await
    }
}
