//! Makes ids by hand: 48 bits of milliseconds, version 7, 12 bits of bucket, the variant, 16 bits that count within the
//! millisecond, 46 random bits.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rand::RngExt as _;
use uuid::Uuid;

use crate::{Bucket, Id, Kind};

const COUNTER_BITS: u32 = 16;
const RANDOM_BITS: u32 = 46;
/// How far ids run ahead of a clock that went back, in milliseconds. A clock that went back further had been wrong: ids that
/// stayed with it would sort before those of everybody else until time has caught up.
const MOST_AHEAD_MS: u64 = 60_000;

/// Makes ids. Ids of one bucket, made one after another, sort in that order, also when the clock goes back by up to a
/// minute. After a larger step back they go on from the clock's time. Clones share the order.
#[derive(Clone)]
pub struct Minter {
    now_ms: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Milliseconds of the newest id, then its counter.
    last: Arc<AtomicU64>,
}

impl Minter {
    /// A minter on a clock that tells milliseconds since 1970.
    #[must_use]
    pub fn new(now_ms: Arc<dyn Fn() -> u64 + Send + Sync>) -> Self {
        Self { now_ms, last: Arc::default() }
    }

    /// A new id in a bucket.
    #[must_use]
    pub fn mint<K: Kind>(&self, bucket: Bucket) -> Id<K> {
        let at = self.advance();
        let (ms, counter) = (at >> COUNTER_BITS, at & 0xffff);
        // The thread's generator is a cryptographic one: an id cannot be guessed from others.
        let random = rand::rng().random::<u64>() >> (64 - RANDOM_BITS);
        let high = ms << 16 | 0x7000 | u64::from(bucket.get());
        let low = 0b10 << 62 | counter << RANDOM_BITS | random;
        Id::from_uuid(Uuid::from_u64_pair(high, low))
    }

    /// The next millisecond and counter: those of the clock, or one more than the last. A counter that overflows
    /// carries into the milliseconds.
    fn advance(&self) -> u64 {
        let now_ms = (self.now_ms)();
        let now = now_ms << COUNTER_BITS;
        let ahead_ms = |last: u64| (last >> COUNTER_BITS).saturating_sub(now_ms);
        let next = |last: u64| match ahead_ms(last) {
            ..=MOST_AHEAD_MS => now.max(last + 1),
            _ => now,
        };
        // Relaxed: only this one value is ordered, and nothing else is published through it.
        let last = self.last.update(Ordering::Relaxed, Ordering::Relaxed, next);
        if ahead_ms(last) > MOST_AHEAD_MS {
            tracing::warn!(
                ahead_ms = ahead_ms(last),
                "the clock went back: ids go on from its time, and sort before those made meanwhile"
            );
        }
        next(last)
    }
}
