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

/// Makes ids. Ids of one bucket, made one after another, sort in that order, also when the clock goes back. Clones
/// share the order.
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
        let now = (self.now_ms)() << COUNTER_BITS;
        let next = |last: u64| now.max(last + 1);
        // Relaxed: only this one value is ordered, and nothing else is published through it.
        next(self.last.update(Ordering::Relaxed, Ordering::Relaxed, next))
    }
}
