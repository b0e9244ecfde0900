//! The object store of these tests: an S3 server that verifies signatures.

use postbreeze_runtime::clock::Clock;
use postbreeze_testkit::{S3, TurnableClock};

pub(crate) struct Store(S3);

impl Store {
    pub(crate) async fn start() -> Self {
        Self(S3::start().await)
    }

    /// What a system is told to have it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        self.0.settings().into()
    }

    /// Sets a system's clock by the store's, which is the machine's: what is signed from here on works, and what is signed by a
    /// clock that was turned back has been signed then.
    pub(crate) fn set(clock: &TurnableClock) {
        clock.turn(Clock::system().now() - clock.now());
    }

    /// The names of all that it has, be it finished or not.
    pub(crate) fn objects(&self) -> Vec<String> {
        [self.0.objects(), self.0.uploads()].concat()
    }
}
