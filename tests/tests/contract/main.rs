//! The contract, RPC by RPC. Everything here walks the descriptors of the public API: a new RPC without a row in [`table`]
//! fails, and a new field is tried like any other.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod table;
mod world;

mod authority;
mod completeness;
mod credentials;
mod dependencies;
mod ids;
mod lists;
mod messages;
mod precedence;
mod values;
