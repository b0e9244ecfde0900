//! The rules of webhooks: secrets, signatures, what an attempt to deliver comes to. Pure.

pub mod delivery;
pub mod secret;
pub mod signature;

/// Webhooks of one workspace at the most.
pub const MAX_WEBHOOKS: i64 = 20;
