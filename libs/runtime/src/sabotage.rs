//! Switches that break one safety mechanism each. A safety test turns its switch on in a second run and must fail:
//! otherwise it would prove nothing. The switches exist only in builds with the feature `sabotage`.

use std::sync::atomic::{AtomicU8, Ordering};

/// A mechanism that can be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Mechanism {
    /// `WorkspaceContext::admit` lets everyone in.
    Isolation = 1,
    /// The monthly cap and the storage of media are read, then written.
    Quota = 2,
    /// A page token forgets the position of one row.
    Paging = 4,
    /// What may have been published is sent again without looking.
    Publishing = 8,
}

static BROKEN: AtomicU8 = AtomicU8::new(0);

/// Breaks a mechanism in this process.
pub fn break_it(mechanism: Mechanism) {
    BROKEN.fetch_or(mechanism as u8, Ordering::SeqCst);
}

/// Whether a mechanism is broken.
#[must_use]
pub fn is_broken(mechanism: Mechanism) -> bool {
    BROKEN.load(Ordering::SeqCst) & mechanism as u8 != 0
}
