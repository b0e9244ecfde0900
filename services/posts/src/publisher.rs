//! Makes time pass: what is due is sent, once, and what became of it is found out.
//!
//! A turn of the loop reads what is due, claims it in one short transaction ([`claim`]) and has `accounts` do what was
//! claimed ([`errand`]); outcomes are written many at a time ([`outcomes`]) by rules that do no I/O ([`settle`],
//! [`backoff`]). The committed attempt is the right to send once: an answer that does not come leaves the target UNKNOWN, to
//! be looked for. Claims of a worker that has died run out, and whoever finds one looks as well. So every replica may run
//! this, and any may die.

mod backoff;
mod claim;
mod errand;
mod gate;
mod key;
mod media;
mod metrics;
mod outcomes;
mod pace;
mod settle;
mod sweep;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_context::token::Issuer;
use postbreeze_runtime::{Environment, peer::Peer};
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, timeout_at},
};
use tracing::Instrument as _;

use self::{
    claim::{Claimed, Job, claim},
    gate::Gate,
    metrics::Metrics,
    pace::Pace,
    settle::{Done, Outcome},
};
use crate::{
    error::Error,
    notices::Notices,
    post::Part,
    store::{Store, due::DueTarget},
};

/// What other replicas have written is found within this.
const POLL: Duration = Duration::from_millis(500);
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
/// What is under way when the process stops may end within this; it is looked for otherwise.
const END_WITHIN: Duration = Duration::from_millis(2_500);
/// A loop that has not turned for so long stands still.
const STANDS_STILL: Duration = Duration::from_secs(30);

/// A first comment is a short text: what it takes does not depend on the post.
const COMMENT_WITHIN: Duration = Duration::from_secs(20);

/// How long things take at the most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long a claim lasts that is not renewed.
    pub(crate) lease: TimeDelta,
    /// How long a post's sending may take.
    pub(crate) publish_within: Duration,
}

impl Terms {
    fn within(self, part: Part) -> Duration {
        match part {
            Part::Post => self.publish_within,
            Part::FirstComment => self.publish_within.min(COMMENT_WITHIN),
        }
    }

    /// How long after it was claimed what is sent may arrive. Longer than it may take: clocks differ, and networks deal with
    /// what they have got even when nobody waits for their answer any more.
    fn in_transit(self, part: Part) -> TimeDelta {
        let within = self.within(part);
        TimeDelta::from_std(within + within / 5).unwrap_or(TimeDelta::MAX)
    }
}

/// What the publisher is made of.
pub(crate) struct Parts {
    pub(crate) environment: Environment,
    pub(crate) store: Store,
    pub(crate) issuer: Issuer,
    pub(crate) accounts: Peer,
    pub(crate) media: Peer,
    pub(crate) notices: Notices,
    /// Sendings at once.
    pub(crate) at_once: usize,
    pub(crate) terms: Terms,
}

struct Shared {
    environment: Environment,
    store: Store,
    issuer: Issuer,
    accounts: Peer,
    media: Peer,
    notices: Notices,
    terms: Terms,
    gate: Gate,
    metrics: Metrics,
    pace: Mutex<Pace>,
    /// Something has ended.
    freed: Notify,
    wake: Wake,
    turned: Mutex<Option<Instant>>,
    stops: Mutex<Option<Instant>>,
}

/// Tells the publisher of this process what it need not find out for itself.
#[derive(Clone, Default)]
pub(crate) struct Wake(Arc<Notify>);

impl Wake {
    /// Something has been written that is due at a time.
    pub(crate) fn at(&self, due: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        // What is due later is found before then.
        if due.is_some_and(|due| (due - now).to_std().is_ok_and(|ahead| ahead > POLL)) {
            return;
        }
        if due.is_some() {
            self.0.notify_one();
        }
    }
}

/// The publisher of this process, for its health.
#[derive(Clone)]
pub(crate) struct Publisher(Arc<Shared>);

impl Publisher {
    /// Whether it turns.
    pub(crate) fn turns(&self) -> bool {
        let turned = *self.0.turned.lock().unwrap_or_else(PoisonError::into_inner);
        turned.is_some_and(|turned| turned.elapsed() < STANDS_STILL)
    }

    /// Whether it turns, and what is due can be sent.
    pub(crate) fn sends(&self) -> bool {
        self.turns() && self.0.gate.was_open()
    }

    /// Where writers tell it what is due.
    pub(crate) fn wake(&self) -> Wake {
        self.0.wake.clone()
    }
}

/// Starts the publisher; it ends with the process.
pub(crate) fn start(parts: Parts) -> Publisher {
    let shared = Arc::new(Shared {
        gate: Gate::new(parts.accounts.clone()),
        environment: parts.environment,
        store: parts.store,
        issuer: parts.issuer,
        accounts: parts.accounts,
        media: parts.media,
        notices: parts.notices,
        terms: parts.terms,
        metrics: Metrics::new(),
        pace: Mutex::new(Pace::new(parts.at_once)),
        freed: Notify::new(),
        wake: Wake::default(),
        turned: Mutex::new(None),
        stops: Mutex::new(None),
    });
    let (outcomes, written) = mpsc::unbounded_channel();
    let background = &shared.environment.background;
    background.spawn(outcomes::write_all(Arc::clone(&shared), written));
    background.spawn(sweep::sweep(Arc::clone(&shared)));
    background.spawn(Loop { shared: Arc::clone(&shared), outcomes, measured: None }.run());
    Publisher(shared)
}

impl Shared {
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the process stops, and what was under way has had its time.
    fn has_waited_to_stop(&self) -> bool {
        if !self.environment.background.stopping().is_cancelled() {
            return false;
        }
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.get_or_insert_with(Instant::now).elapsed() > END_WITHIN
    }
}

struct Loop {
    shared: Arc<Shared>,
    outcomes: mpsc::UnboundedSender<Done>,
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
        self.measure(now).await?;
        let is_open = self.shared.gate.is_open().await;
        let (room, busy) = {
            let mut pace = self.shared.pace();
            (pace.room(), pace.busy(now))
        };
        let ahead = now + TimeDelta::from_std(POLL).unwrap_or_default();
        let due = self.shared.store.read_due(ahead, &busy, READ).await?;
        *self.shared.turned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
        if !is_open {
            return Ok(Rest::Anyway(POLL));
        }
        let busy = !busy.is_empty();
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
    async fn claim(&self, taken: &[DueTarget], now: DateTime<Utc>) -> Result<bool, Error> {
        let shared = &self.shared;
        let claimed =
            match claim(&shared.store, &shared.environment, shared.terms, taken, now).await {
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
        let Claimed { jobs, gone, any, noted } = claimed;
        if noted {
            shared.notices.wake();
        }
        for job in jobs {
            self.begin(job);
        }
        for account_id in gone {
            shared.store.drop_account(account_id, &shared.environment.minter, now).await?;
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
            match claim(store, environment, *terms, one, now).await {
                Ok(claimed) => {
                    all.jobs.extend(claimed.jobs);
                    all.gone.extend(claimed.gone);
                    all.any |= claimed.any;
                    all.noted |= claimed.noted;
                }
                Err(cause @ Error::Unreadable(_)) => {
                    tracing::error!(target_id = %target.id, %cause, "a target cannot be sent");
                    store.put_off(target.id, now + terms.lease).await?;
                }
                Err(cause) => return Err(cause),
            }
        }
        Ok(all)
    }

    fn begin(&self, job: Job) {
        if let Some(lateness) = job.lateness {
            self.shared.metrics.late(lateness);
        }
        let (shared, outcomes) = (Arc::clone(&self.shared), self.outcomes.clone());
        let span = tracing::info_span!(
            "publisher.errand",
            post.id = %job.post_id,
            target.id = %job.target_id,
            account.id = %job.account_id,
        );
        let errand = async move {
            let part = job.errand.part();
            let outcome = tokio::select! {
                outcome = shared.run(job.errand, job.claim_time) => outcome,
                () = shared.stopped() => Outcome::Unknown {
                    code: "interrupted".to_owned(),
                    message: "the sending was interrupted; the network is asked whether it has it".to_owned(),
                    over: false,
                },
            };
            let done = Done {
                post_id: job.post_id,
                target_id: job.target_id,
                account_id: job.account_id,
                platform: job.platform,
                version: job.version,
                part,
                outcome,
            };
            // Whoever writes outcomes ends after all who send them.
            drop(outcomes.send(done));
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
        let renewed = self.shared.store.renew(&held, until).await?;
        let mut pace = self.shared.pace();
        for one in held.iter().filter(|one| renewed.contains(&one.id)) {
            pace.claimed(one.id, one.version, until);
        }
        Ok(())
    }

    async fn measure(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        if self.measured.is_some_and(|measured| measured.elapsed() < MEASURE_EVERY) {
            return Ok(());
        }
        let oldest = self.shared.store.oldest_unsent(now).await?;
        let age = oldest.and_then(|oldest| (now - oldest).to_std().ok());
        self.shared.metrics.oldest_due(age.unwrap_or_default());
        self.measured = Some(Instant::now());
        Ok(())
    }
}

impl Shared {
    /// The process stops, and what is under way has had its time.
    async fn stopped(&self) {
        self.environment.background.stopping().cancelled().await;
        sleep(END_WITHIN).await;
    }
}
