//! The system in one process, seen through its public endpoint.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod shards;

mod example;
mod fan_out;
mod publishing;
mod quota;
mod replies;
