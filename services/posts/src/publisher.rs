//! Makes time pass: what is due is sent, once, and what became of it is found out.
//!
//! A turn of the loop reads what is due, claims it in one short transaction ([`claim`]) and has `accounts` do what was
//! claimed ([`errand`]); outcomes are written many at a time ([`outcomes`]) by rules that do no I/O ([`settle`],
//! [`backoff`]). The committed attempt is the right to send once: an answer that does not come leaves the target UNKNOWN, to
//! be looked for. Claims of a worker that has died run out, and whoever finds one looks as well. So every replica may run
//! this, and any may die.

mod backlog;
mod backoff;
mod claim;
mod deletions;
mod errand;
mod gate;
mod gauge;
mod key;
mod media;
mod metrics;
mod outcomes;
mod pace;
mod settle;
mod sweep;
mod turns;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_context::token::Issuer;
use postbreeze_runtime::{Environment, FINISHES_WITHIN, peer::Peer};
use tokio::{
    sync::{Notify, mpsc},
    time::Instant,
};

use self::{gate::Gate, metrics::Metrics, pace::Pace};
use crate::{notices::Notices, post::Part, store::Store};

/// What other replicas have written is found within this.
const POLL: Duration = Duration::from_millis(500);
/// A loop that has not turned for so long stands still.
const STANDS_STILL: Duration = Duration::from_secs(30);

/// A first comment is a short text: what it takes does not depend on the post.
const COMMENT_WITHIN: Duration = Duration::from_secs(20);

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// How long a claim lasts that is not renewed.
    pub(crate) lease: TimeDelta,
    /// How long a post's sending may take.
    pub(crate) publish_within: Duration,
    /// How long after its time a target may still go out.
    pub(crate) max_lateness: TimeDelta,
}

impl Terms {
    fn within(self, part: Part) -> Duration {
        match part {
            Part::Post => self.publish_within,
            Part::FirstComment => self.publish_within.min(COMMENT_WITHIN),
        }
    }

    /// How long after it was claimed a post or a first comment may arrive. Longer than a sending may take: clocks differ, and
    /// networks, and proxies before them, go on with a request whose caller has gone.
    fn in_transit(self) -> TimeDelta {
        let within = self.publish_within;
        TimeDelta::from_std(within + within / 5).unwrap_or(TimeDelta::MAX)
    }
}

/// What the publisher is made of.
pub(crate) struct Parts {
    pub(crate) environment: Environment,
    /// Over connections that nothing else uses.
    pub(crate) store: Store,
    /// Over those of all others, for what may wait.
    pub(crate) common: Store,
    pub(crate) issuer: Issuer,
    pub(crate) accounts: Peer,
    pub(crate) media: Peer,
    pub(crate) workspaces: Peer,
    pub(crate) notices: Notices,
    /// Sendings at once.
    pub(crate) at_once: usize,
    pub(crate) terms: Terms,
}

struct Shared {
    environment: Environment,
    store: Store,
    common: Store,
    issuer: Issuer,
    accounts: Peer,
    media: Peer,
    workspaces: Peer,
    notices: Notices,
    terms: Terms,
    gate: Gate,
    metrics: Metrics,
    pace: Mutex<Pace>,
    /// Something has ended.
    freed: Notify,
    wake: Wake,
    turned: Mutex<Option<Instant>>,
    /// Since when outcomes cannot be written.
    unwritten: Mutex<Option<Instant>>,
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
    /// Whether it turns, and what comes of it can be written down.
    pub(crate) fn turns(&self) -> bool {
        let ago = |time: &Mutex<Option<Instant>>| {
            let time = *time.lock().unwrap_or_else(PoisonError::into_inner);
            time.map(|time| time.elapsed())
        };
        ago(&self.0.turned).is_some_and(|ago| ago < STANDS_STILL)
            && ago(&self.0.unwritten).is_none_or(|ago| ago < STANDS_STILL)
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
        gate: Gate::new(vec![parts.accounts.clone(), parts.workspaces.clone()]),
        environment: parts.environment,
        store: parts.store,
        common: parts.common,
        issuer: parts.issuer,
        accounts: parts.accounts,
        media: parts.media,
        workspaces: parts.workspaces,
        notices: parts.notices,
        terms: parts.terms,
        metrics: Metrics::new(),
        pace: Mutex::new(Pace::new(parts.at_once)),
        freed: Notify::new(),
        wake: Wake::default(),
        turned: Mutex::new(None),
        unwritten: Mutex::new(None),
        stops: Mutex::new(None),
    });
    let (outcomes, written) = mpsc::unbounded_channel();
    let background = &shared.environment.background;
    background.spawn(outcomes::write_all(Arc::clone(&shared), written));
    background.spawn(sweep::sweep(Arc::clone(&shared)));
    background.spawn(gauge::measure(Arc::clone(&shared)));
    background.spawn(turns::run(Arc::clone(&shared), outcomes));
    Publisher(shared)
}

impl Shared {
    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_turned(&self) {
        *self.turned.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether outcomes can be written.
    fn has_written(&self, written: bool) {
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        if written {
            *unwritten = None;
        } else {
            unwritten.get_or_insert_with(Instant::now);
        }
    }

    /// Whether the process stops, and what was under way has had its time.
    fn has_waited_to_stop(&self) -> bool {
        if !self.environment.background.stopping().is_cancelled() {
            return false;
        }
        let mut stops = self.stops.lock().unwrap_or_else(PoisonError::into_inner);
        stops.get_or_insert_with(Instant::now).elapsed() > FINISHES_WITHIN
    }
}
