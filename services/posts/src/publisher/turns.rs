//! The loop: reads what is due, claims it, has it done, rests. Never faster than there is something to do.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::postgres::bounded;
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, sleep, timeout_at},
};
use tracing::Instrument as _;

use super::{
    POLL, Shared,
    claim::{Claimed, Job, claim},
    deletions::Deletions,
    errand::withheld,
    pace::Busy,
    settle::{Done, INTERRUPTED, Outcome},
};
use crate::{error::Error, store::due::DueTarget};

/// Targets claimed in one transaction at the most.
const BATCH: usize = 64;
/// Targets looked at for them: some may be of accounts that are busy.
const READ: i64 = 256;
/// Room for this many is worth a claim at once; less is after [`GATHER`].
const WORTH_CLAIMING: usize = 32;
const GATHER: Duration = Duration::from_millis(5);
/// After a claim that found everything held by others.
const HELD_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// Turns until the process stops.
pub(super) async fn run(shared: Arc<Shared>, outcomes: UnboundedSender<Done>) {
    let turns = Loop { shared, outcomes, deletions: Deletions::default(), measured: None };
    turns.run().await;
}

struct Loop {
    shared: Arc<Shared>,
    outcomes: UnboundedSender<Done>,
    deletions: Deletions,
    measured: Option<Instant>,
}

/// What there is to wait for after a turn.
enum Rest {
    /// Until something is due, or other replicas may have written something; and, where accounts are busy, until one is less
    /// so.
    Until { pause: Duration, busy: bool },
    /// More is due than could be begun: room.
    Room,
    /// For this long, whatever happens.
    Anyway(Duration),
}

impl Loop {
    async fn run(mut self) {
        let stopping = self.shared.environment.background.stopping().clone();
        let mut pause = POLL;
        while !stopping.is_cancelled() {
            let rest = match self.turn().await {
                Ok(rest) => {
                    pause = POLL;
                    self.shared.has_turned();
                    rest
                }
                Err(cause) => {
                    if pause == POLL {
                        tracing::warn!(%cause, "what is due cannot be dealt with");
                    }
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    Rest::Anyway(pause)
                }
            };
            stopping.run_until_cancelled(self.rest(rest)).await;
        }
    }

    async fn rest(&self, rest: Rest) {
        let Shared { wake, freed, .. } = self.shared.as_ref();
        match rest {
            Rest::Anyway(pause) => sleep(pause).await,
            Rest::Until { pause, busy } => tokio::select! {
                () = sleep(pause) => {}
                () = wake.0.notified() => {}
                () = freed.notified(), if busy => {}
            },
            Rest::Room => {
                let (soon, until) = (Instant::now() + GATHER, Instant::now() + POLL);
                loop {
                    let (room, now) = (self.shared.pace().room(), Instant::now());
                    if room >= WORTH_CLAIMING || (room > 0 && now >= soon) || now >= until {
                        return;
                    }
                    let next = if now < soon { soon } else { until };
                    drop(timeout_at(next, freed.notified()).await);
                }
            }
        }
    }

    async fn turn(&mut self) -> Result<Rest, Error> {
        let now = self.shared.environment.clock.now();
        self.renew(now).await?;
        self.measure(now).await;
        let is_open = self.shared.gate.is_open().await;
        let (room, busy) = {
            let mut pace = self.shared.pace();
            (pace.room(), pace.busy(now))
        };
        let ahead = now + TimeDelta::from_std(POLL).unwrap_or_default();
        let Busy { accounts, buckets } = &busy;
        let due = bounded(self.shared.store.read_due(ahead, accounts, buckets, READ)).await?;
        if !is_open {
            return Ok(Rest::Anyway(POLL));
        }
        let busy = !(accounts.is_empty() && buckets.is_empty());
        let next = due.iter().find(|target| target.due_time > now).map(|target| target.due_time);
        let due: Vec<DueTarget> = due.into_iter().filter(|target| target.due_time <= now).collect();
        if due.is_empty() {
            let until = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(POLL);
            return Ok(Rest::Until { pause: until.min(POLL), busy });
        }
        if room == 0 {
            return Ok(Rest::Room);
        }
        let taken = self.take(&due);
        if taken.is_empty() {
            // All of it is under way here: its outcomes are about to be written, or its claims renewed.
            return Ok(Rest::Until { pause: HELD_PAUSE, busy });
        }
        let any = self.claim(&taken, now).await?;
        Ok(if any { Rest::Room } else { Rest::Until { pause: HELD_PAUSE, busy } })
    }

    /// Takes on what there is room for.
    fn take(&self, due: &[DueTarget]) -> Vec<DueTarget> {
        let mut pace = self.shared.pace();
        let most = pace.room().min(BATCH);
        let mut taken = Vec::with_capacity(most);
        for target in due {
            if taken.len() == most {
                break;
            }
            if pace.take(target.id, target.post_id, target.account_id) {
                taken.push(*target);
            }
        }
        taken
    }

    /// Claims what was taken on, and has it done. Answers whether there was anything to claim.
    async fn claim(&mut self, taken: &[DueTarget], now: DateTime<Utc>) -> Result<bool, Error> {
        let shared = Arc::clone(&self.shared);
        let claimed = match bounded(claim(
            &shared.store,
            &shared.environment,
            shared.terms,
            taken,
            now,
        ))
        .await
        {
            Err(Error::Unreadable(_)) => self.claim_singly(taken, now).await,
            claimed => claimed,
        };
        let claimed = match claimed {
            Ok(claimed) => claimed,
            Err(cause) => {
                let mut pace = shared.pace();
                for target in taken {
                    pace.release(target.id);
                }
                return Err(cause);
            }
        };
        {
            let mut pace = shared.pace();
            for target in taken {
                match claimed.jobs.iter().find(|job| job.target_id == target.id) {
                    Some(job) => pace.claimed(target.id, job.version, now + shared.terms.lease),
                    None => pace.release(target.id),
                }
            }
        }
        let Claimed { jobs, any, noted } = claimed;
        if noted {
            shared.notices.wake();
        }
        let is_told = self.learn_deletions(&jobs).await;
        for job in jobs {
            let is_sure = !job.errand.sends() || is_told && !self.deletions.has(job.workspace_id);
            self.begin(job, is_sure);
        }
        Ok(any)
    }

    /// One that cannot be read must not keep the others waiting.
    async fn claim_singly(
        &self,
        taken: &[DueTarget],
        now: DateTime<Utc>,
    ) -> Result<Claimed, Error> {
        let mut all = Claimed::default();
        for target in taken {
            let one = std::slice::from_ref(target);
            let Shared { store, environment, terms, .. } = self.shared.as_ref();
            match bounded(claim(store, environment, *terms, one, now)).await {
                Ok(claimed) => {
                    all.jobs.extend(claimed.jobs);
                    all.any |= claimed.any;
                    all.noted |= claimed.noted;
                }
                Err(cause @ Error::Unreadable(_)) => {
                    tracing::error!(target_id = %target.id, %cause, "a target cannot be sent");
                    bounded(store.put_off(target.id, now + terms.lease)).await?;
                }
                // What was claimed before is ours to send.
                Err(cause) if all.any => {
                    tracing::warn!(%cause, "the rest of what is due cannot be claimed");
                    break;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(all)
    }

    /// Learns which workspaces are gone by now. Answers whether that could be told.
    async fn learn_deletions(&mut self, jobs: &[Job]) -> bool {
        if !jobs.iter().any(|job| job.errand.sends()) {
            return true;
        }
        let told = self.deletions.catch_up(&self.shared).await;
        if let Err(cause) = &told {
            tracing::warn!(%cause, "it cannot be told whether workspaces are gone: nothing is sent");
            self.shared.gate.close();
        }
        told.is_ok()
    }

    /// Has a job done, if it is sure that it may be.
    fn begin(&self, job: Job, is_sure: bool) {
        let done = |outcome| Done {
            post_id: job.post_id,
            target_id: job.target_id,
            account_id: job.account_id,
            platform: job.platform,
            version: job.version,
            claim_time: job.claim_time,
            lateness: job.lateness,
            part: job.errand.part(),
            outcome,
        };
        let withheld = done(withheld("its workspace may be gone"));
        // Whoever writes outcomes ends after all who send them.
        if !is_sure {
            drop(self.outcomes.send(withheld));
            return;
        }
        let (shared, outcomes) = (Arc::clone(&self.shared), self.outcomes.clone());
        let span = tracing::info_span!(
            "publisher.errand",
            post.id = %job.post_id,
            target.id = %job.target_id,
            account.id = %job.account_id,
        );
        let errand = async move {
            let running = shared.run(job.errand, job.claim_time);
            let ran = shared.environment.background.finish(running).await;
            let outcome = ran.unwrap_or_else(interrupted);
            drop(outcomes.send(Done { outcome, ..withheld }));
        };
        self.shared.environment.background.spawn(errand.instrument(span));
    }

    /// Keeps what is under way here from being taken over, also when the clock has jumped.
    async fn renew(&self, now: DateTime<Utc>) -> Result<(), Error> {
        let lease = self.shared.terms.lease;
        // Those with a third of their time gone.
        let held = self.shared.pace().running_out(now + lease * 2 / 3);
        if held.is_empty() {
            return Ok(());
        }
        let until = now + lease;
        let renewed = bounded(self.shared.store.renew(&held, until)).await?;
        let mut pace = self.shared.pace();
        for one in held.iter().filter(|one| renewed.contains(&one.id)) {
            pace.claimed(one.id, one.version, until);
        }
        Ok(())
    }

    /// Measures now and then. What cannot be measured is sent all the same.
    async fn measure(&mut self, now: DateTime<Utc>) {
        if self.measured.is_some_and(|measured| measured.elapsed() < MEASURE_EVERY) {
            return;
        }
        self.measured = Some(Instant::now());
        match bounded(self.shared.store.oldest_unsent(now)).await {
            Ok(oldest) => {
                let age = oldest.and_then(|oldest| (now - oldest).to_std().ok());
                self.shared.metrics.oldest_due(age.unwrap_or_default());
            }
            Err(cause) => tracing::warn!(%cause, "it cannot be told for how long posts are due"),
        }
    }
}

/// The process stopped before there was an answer.
fn interrupted() -> Outcome {
    let (code, message) = INTERRUPTED;
    Outcome::Unknown { code: code.to_owned(), message: message.to_owned(), over: false }
}
