//! The same `request_id` from the same user on the same RPC within 24 hours gets the first OK answer (AIP-155); with
//! another body it is refused.
//!
//! The answer is kept in the transaction of the effect, in the table [`SCHEMA`] of the owner's own database, so that
//! neither is ever there without the other. [`once`] does all of it; an effect that reaches beyond the database is
//! [`claim`]ed first, so that parallel calls reach there once. The statements are constants that are not checked at compile time: a checked one
//! belongs to one database, these run in every owner's.

mod claims;
mod once;
mod records;

use std::time::Duration;

use aws_lc_rs::digest;
use postbreeze_ids::UserId;
use postbreeze_proto::status::{Fault, Reason};
use prost::Message;

pub use claims::{Claimed, Held, claim, sweep_claims};
pub use once::{once, once_redacted};
pub use records::{find, keep, look_up, sweep};

/// The table, as the owners' migrations make it. Its bucket is the user's.
pub const SCHEMA: &str = "\
CREATE TABLE idempotency (
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BYTEA NOT NULL,
    response BYTEA NOT NULL,
    create_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, user_id, rpc, request_id)
);
CREATE INDEX idempotency_create_time ON idempotency (create_time);
";

/// The table of claims, as the migrations of those owners make it that reach outside. Its bucket is the user's.
pub const CLAIMS_SCHEMA: &str = "\
CREATE TABLE idempotency_claims (
    bucket SMALLINT NOT NULL,
    user_id UUID NOT NULL,
    rpc TEXT NOT NULL,
    request_id TEXT NOT NULL,
    holder UUID NOT NULL,
    expire_time TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (bucket, user_id, rpc, request_id)
);
CREATE INDEX idempotency_claims_expire_time ON idempotency_claims (expire_time);
";

/// What names one request, and the fingerprint of its body.
#[derive(Debug, Clone)]
pub struct Key {
    user_id: UserId,
    rpc: &'static str,
    request_id: String,
    fingerprint: [u8; digest::SHA256_OUTPUT_LEN],
}

impl Key {
    /// The key of a request: `rpc` as `PostService.CreatePost`, `body` the message as it was received. `None` when the
    /// client gave no `request_id`, whose length and characters the caller has checked.
    ///
    /// A body must hold no `map` field: prost encodes its entries in a random order, so the same request would look
    /// like another.
    #[must_use]
    pub fn of(
        user_id: UserId,
        rpc: &'static str,
        request_id: &str,
        body: &impl Message,
    ) -> Option<Self> {
        if request_id.is_empty() {
            return None;
        }
        let mut fingerprint = [0; digest::SHA256_OUTPUT_LEN];
        let hash = digest::digest(&digest::SHA256, &body.encode_to_vec());
        fingerprint.copy_from_slice(hash.as_ref());
        Some(Self { user_id, rpc, request_id: request_id.to_owned(), fingerprint })
    }
}

/// Why a request cannot be answered again, or its answer cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The `request_id` was used with another body.
    #[error("the request_id {request_id} was used with another request")]
    Reused {
        /// The `request_id`.
        request_id: String,
    },
    /// A twin of this request was answered first: roll back, then [`find`] its answer.
    #[error("a twin of this request was answered first")]
    Raced,
    /// A twin of this request is under way, and its answer did not come while this call lasted.
    #[error("another call with this request_id is under way")]
    UnderWay,
    /// The database failed, or holds an answer that is no longer understood.
    #[error("the idempotency table cannot be used")]
    Database(#[from] sqlx::Error),
}

impl Error {
    /// What the client is told.
    ///
    /// # Errors
    /// The database's error, where it is that.
    pub fn into_fault(self) -> Result<Fault, sqlx::Error> {
        /// A twin's answer is there to be found as soon as it is known to be there.
        const AGAIN: Duration = Duration::from_secs(1);
        let message = self.to_string();
        match self {
            Self::Reused { request_id } => {
                Ok(Fault::new(Reason::RequestIdReused, message).with("request_id", request_id))
            }
            Self::Raced | Self::UnderWay => {
                Ok(Fault::new(Reason::Overloaded, message).retry_after(AGAIN))
            }
            Self::Database(error) => Err(error),
        }
    }
}
