//! The laws of idempotency, against a real Postgres.
#![expect(clippy::unwrap_used, reason = "a test ends where it fails")]

mod claims;
mod database;
mod effects;
mod records;
mod replays;

use std::{sync::Arc, time::SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_idempotency::Key;
use postbreeze_ids::{Bucket, Minter, UserId};

const RPC: &str = "TestService.Make";

/// A new user, whose id has a bucket above half of them.
fn user() -> UserId {
    let ms = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis().try_into().unwrap();
    Minter::new(Arc::new(move || ms)).mint(Bucket::new(4_000).unwrap())
}

/// The key of a user's request "r1".
fn key(user: UserId, body: &str) -> Option<Key> {
    Key::of(user, RPC, "r1", &body.to_owned())
}

/// Some instant, with a part below the microsecond that Postgres does not keep.
fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap()
}

/// A second less than an answer is kept.
fn almost_a_day() -> TimeDelta {
    TimeDelta::hours(24) - TimeDelta::seconds(1)
}

/// A second more than an answer is kept.
fn more_than_a_day() -> TimeDelta {
    TimeDelta::hours(24) + TimeDelta::seconds(1)
}
