//! The loop: reads what is due, claims it, has it done, rests. Never faster than there is something to do.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_runtime::postgres::{Trouble, bounded, trouble};
use tokio::{
    sync::mpsc::UnboundedSender,
    time::{Instant, sleep, timeout_at},
};
use tracing::Instrument as _;

use super::{
    POLL, Shared,
    backlog::Backlog,
    claim::{Claimed, Job, Rules, claim},
    deletions::Deletions,
    errand::withheld,
    pace::Pace,
    settle::{Done, INTERRUPTED, Outcome},
};
use crate::{error::Error, store::due::DueTarget};

/// Targets claimed in one transaction.
const BATCH: usize = 64;
/// Targets read for them: some may be of accounts that are busy.
const READ: i64 = 256;
/// Targets read while networks cannot be asked, of those that are late.
const LATE_READ: i64 = 64;
/// Targets read of an account that was passed over: one more than it may have under way.
const PER_ACCOUNT_READ: i64 = 5;
/// How long targets are claimed one by one before the rest waits for the next poll.
const SINGLY: Duration = Duration::from_secs(5);
/// Room for this many is worth a claim at once; less is after [`GATHER`].
const WORTH_CLAIMING: usize = 32;
const GATHER: Duration = Duration::from_millis(5);
/// How long a target is put off at least whose claim took too long, and one that cannot be claimed as it is.
const SLOW_PAUSE: TimeDelta = TimeDelta::seconds(5);
const BROKEN_PAUSE: TimeDelta = TimeDelta::minutes(1);
/// How often late targets are looked for that are not claimed, since their account is left alone.
const LATE_EVERY: Duration = Duration::from_secs(5);
/// After a claim that found everything held by others.
const HELD_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Turns until the process stops.
pub(super) async fn run(shared: Arc<Shared>, outcomes: UnboundedSender<Done>) {
    let deletions = Deletions::default();
    let (backlog, late_from) = (Backlog::new(Instant::now()), DateTime::UNIX_EPOCH);
    Loop { shared, outcomes, deletions, backlog, late_from, late_read: None }.run().await;
}

struct Loop {
    shared: Arc<Shared>,
    outcomes: UnboundedSender<Done>,
    deletions: Deletions,
    backlog: Backlog,
    /// From when on late targets are read while networks cannot be asked.
    late_from: DateTime<Utc>,
    late_read: Option<Instant>,
}

/// What was read of the queue.
#[derive(Default)]
struct Due {
    /// Targets that were taken on.
    taken: Vec<DueTarget>,
    /// When the next one is due that is not yet.
    next: Option<DateTime<Utc>>,
    /// Whether more is due than was taken on.
    more: bool,
}

impl Due {
    fn take(&mut self, pace: &mut Pace, target: &DueTarget, now: DateTime<Utc>) -> bool {
        let takes = self.taken.len() < BATCH
            && pace.has_room(target.account_id, now)
            && pace.take(target.id, target.post_id, target.account_id);
        if takes {
            self.taken.push(*target);
        }
        takes
    }
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
        if let Err(cause) = self.renew(now).await {
            tracing::warn!(%cause, "publisher: leases were not renewed; they are renewed with the next poll");
        }
        if !self.shared.gate.is_open().await {
            self.end_late(now).await?;
            return Ok(Rest::Anyway(POLL));
        }
        if let Err(cause) = bounded(self.deletions.prune(&self.shared)).await {
            tracing::warn!(%cause, "publisher: known deletions were not pruned; they are pruned with the next poll");
        }
        if self.late_read.is_none_or(|read| read.elapsed() >= LATE_EVERY) {
            self.late_read = Some(Instant::now());
            if let Err(cause) = self.end_late(now).await {
                tracing::warn!(%cause, "publisher: late targets were not ended; they are looked for again in 5 s");
            }
        }
        let room = {
            let mut pace = self.shared.pace();
            pace.expire(now);
            pace.room()
        };
        let Due { taken, next, more } = self.read(now).await?;
        let busy = !self.backlog.is_empty();
        if taken.is_empty() {
            if more && room == 0 {
                return Ok(Rest::Room);
            }
            let until = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(POLL);
            // Targets that are due and were not taken are held here: their outcomes are about to be written.
            let until = if more { HELD_PAUSE } else { until.min(POLL) };
            return Ok(Rest::Until { pause: until, busy });
        }
        let progressed = self.claim(&taken, now).await?;
        Ok(if progressed { Rest::Room } else { Rest::Until { pause: HELD_PAUSE, busy } })
    }

    /// Reads what is due and takes on what there is room for: first of the accounts that were passed over and have room again,
    /// then of all others.
    async fn read(&mut self, now: DateTime<Utc>) -> Result<Due, Error> {
        let store = &self.shared.store;
        let mut due = Due::default();
        let ready = {
            let pace = self.shared.pace();
            self.backlog.ready(|account_id| pace.has_room(account_id, now), BATCH)
        };
        if !ready.is_empty() {
            let found = bounded(store.read_due_of(&ready, now, PER_ACCOUNT_READ)).await?;
            let mut pace = self.shared.pace();
            // Half the room is for accounts that were not passed over, however many were.
            let quota = pace.room().min(BATCH).div_ceil(2);
            for account_id in ready {
                let own = found.iter().filter(|target| target.account_id == account_id);
                let (mut count, mut all) = (0, true);
                for target in own {
                    count += 1;
                    all &= due.taken.len() < quota && due.take(&mut pace, target, now);
                }
                if all && count < PER_ACCOUNT_READ {
                    self.backlog.caught_up(account_id);
                }
            }
        }
        let ahead = now + TimeDelta::from_std(POLL).unwrap_or_default();
        let from = self.backlog.read_from(now, Instant::now());
        let passed = self.backlog.passed();
        let found = match bounded(store.read_due(from..=ahead, &passed, READ)).await {
            Ok(found) => found,
            Err(cause) => {
                // Nothing was claimed yet: what was taken on would be held without an end.
                self.release(&due.taken);
                return Err(cause.into());
            }
        };
        // Everything before this time is held or passed over once the targets are dealt with.
        let mut read_until = if i64::try_from(found.len()).is_ok_and(|count| count < READ) {
            now
        } else {
            found.last().map_or(now, |last| last.due_time)
        };
        let mut pace = self.shared.pace();
        for target in &found {
            if target.due_time > now {
                due.next = Some(target.due_time);
                break;
            }
            if due.take(&mut pace, target, now) {
                continue;
            }
            due.more = true;
            if pace.room() == 0 || due.taken.len() == BATCH {
                read_until = read_until.min(target.due_time);
                break;
            }
            self.backlog.pass(target.account_id, target.due_time);
        }
        drop(pace);
        self.backlog.read_until(read_until);
        Ok(due)
    }

    /// Ends what may not go out any more, also while networks cannot be asked or an account is left alone.
    async fn end_late(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let until = now - shared.terms.max_lateness;
        let late = bounded(shared.store.read_due(self.late_from..=until, &[], LATE_READ)).await?;
        // Some of them wait for a network all the same: the next poll reads on behind them.
        self.late_from = match late.last() {
            Some(last) if i64::try_from(late.len()) == Ok(LATE_READ) => {
                last.due_time.max(self.late_from + TimeDelta::microseconds(1))
            }
            _ => DateTime::UNIX_EPOCH,
        };
        if !late.is_empty() {
            let rules = Rules { terms: shared.terms, is_open: false };
            if self.claim_all(rules, &late, now).await?.noted {
                shared.notices.wake();
            }
        }
        Ok(())
    }

    /// Claims targets together, or one by one where that fails.
    async fn claim_all(
        &self,
        rules: Rules,
        targets: &[DueTarget],
        now: DateTime<Utc>,
    ) -> Result<Claimed, Error> {
        let Shared { store, environment, .. } = self.shared.as_ref();
        match bounded(claim(store, environment, rules, targets, now)).await {
            Err(cause) if !is_unavailable(&cause) => {
                self.claim_singly(rules, targets, now, &cause).await
            }
            claimed => claimed,
        }
    }

    /// Claims what was taken on, and has it done. Returns whether anything was changed.
    async fn claim(&mut self, taken: &[DueTarget], now: DateTime<Utc>) -> Result<bool, Error> {
        let shared = Arc::clone(&self.shared);
        let rules = Rules { terms: shared.terms, is_open: true };
        let claimed = match self.claim_all(rules, taken, now).await {
            Ok(claimed) => claimed,
            Err(cause) => {
                self.release(taken);
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
        for target in taken.iter().filter(|target| claimed.left.contains(&target.id)) {
            self.backlog.pass(target.account_id, target.due_time);
        }
        let Claimed { jobs, progressed, noted, .. } = claimed;
        if noted {
            shared.notices.wake();
        }
        let is_told = self.learn_deletions(&jobs).await;
        for job in jobs {
            let is_sure = !job.errand.sends() || is_told && !self.deletions.has(job.workspace_id);
            self.begin(job, is_sure);
        }
        Ok(progressed)
    }

    /// Lets targets go that were not claimed; they are read again.
    fn release(&mut self, taken: &[DueTarget]) {
        let mut pace = self.shared.pace();
        for target in taken {
            pace.release(target.id);
            self.backlog.pass(target.account_id, target.due_time);
        }
    }

    /// Claims targets one by one when they cannot be claimed together: one that cannot be claimed must not keep the others
    /// waiting. Each such target is put off.
    async fn claim_singly(
        &self,
        rules: Rules,
        taken: &[DueTarget],
        now: DateTime<Utc>,
        cause: &Error,
    ) -> Result<Claimed, Error> {
        tracing::warn!(%cause, targets = taken.len(), "publisher: a batch cannot be claimed; its targets are claimed one by one");
        let begun = Instant::now();
        let mut all = Claimed::default();
        let Shared { store, environment, .. } = self.shared.as_ref();
        for (index, target) in taken.iter().enumerate() {
            if begun.elapsed() > SINGLY {
                all.left.extend(taken[index..].iter().map(|target| target.id));
                break;
            }
            let one = std::slice::from_ref(target);
            match bounded(claim(store, environment, rules, one, now)).await {
                Ok(claimed) => {
                    all.jobs.extend(claimed.jobs);
                    all.left.extend(claimed.left);
                    all.progressed |= claimed.progressed;
                    all.noted |= claimed.noted;
                }
                Err(cause) if !is_unavailable(&cause) => {
                    tracing::error!(target.id = %target.id, %cause, "publisher: a target cannot be claimed; it is put off");
                    // A row that another transaction holds for long is free again soon.
                    let least = if is_slow(&cause) { SLOW_PAUSE } else { BROKEN_PAUSE };
                    match bounded(store.put_off(target.id, now, least)).await {
                        Ok(()) => all.progressed = true,
                        Err(cause) => {
                            tracing::warn!(target.id = %target.id, %cause, "publisher: a target cannot be put off; it is read again");
                            all.left.push(target.id);
                        }
                    }
                }
                // What was claimed before is ours to send.
                Err(cause) if !all.jobs.is_empty() => {
                    tracing::warn!(%cause, "publisher: the rest of a batch cannot be claimed; it is read again");
                    all.left.extend(taken[index..].iter().map(|target| target.id));
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
}

/// Whether a statement waited too long, for a lock or for its turn.
fn is_slow(error: &Error) -> bool {
    matches!(error, Error::Database(cause) if trouble(cause) == Trouble::TooSlow)
}

/// Whether the database is away, so that trying another row at once is of no use.
fn is_unavailable(error: &Error) -> bool {
    let Error::Database(cause) = error else { return false };
    matches!(trouble(cause), Trouble::Unavailable | Trouble::Full)
}

/// The process stopped before there was an answer.
fn interrupted() -> Outcome {
    let (code, message) = INTERRUPTED;
    Outcome::Unknown { code: code.to_owned(), message: message.to_owned(), over: false }
}
