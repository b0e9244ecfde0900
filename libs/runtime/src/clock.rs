//! Wall-clock time as a parameter: every other source of it is banned by `clippy.toml`.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};

/// Tells the time. Instants are cut to microseconds, which is what Postgres keeps.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock that tells what `source` says, for tests.
    #[must_use]
    pub fn from_source(source: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>) -> Self {
        Self(source)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)().trunc_subsecs(6)
    }
}
