//! Timestamps on the wire and in the program. Instants are UTC; the wire's nanoseconds are cut to microseconds,
//! which is what Postgres keeps.

use chrono::{DateTime, TimeZone as _, Utc};
use prost_types::Timestamp;

/// The timestamp of an instant.
#[must_use]
pub fn to_proto(instant: DateTime<Utc>) -> Timestamp {
    Timestamp {
        seconds: instant.timestamp(),
        nanos: i32::try_from(instant.timestamp_subsec_micros()).unwrap_or(0) * 1_000,
    }
}

/// The instant of a timestamp; `None` when it is not a timestamp of the years 1 to 9999, the range protobuf allows.
#[must_use]
pub fn from_proto(timestamp: &Timestamp) -> Option<DateTime<Utc>> {
    const FIRST: i64 = -62_135_596_800;
    const LAST: i64 = 253_402_300_799;
    if !(FIRST..=LAST).contains(&timestamp.seconds) {
        return None;
    }
    let nanos = u32::try_from(timestamp.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    Utc.timestamp_opt(timestamp.seconds, nanos / 1_000 * 1_000).single()
}
