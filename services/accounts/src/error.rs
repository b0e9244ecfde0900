//! What can go wrong here, and the one place where it becomes an answer.

use std::time::Duration;

use postbreeze_context::Denied;
use postbreeze_proto::{
    fields::Fields,
    status::{Fault, Reason, internal},
};
use postbreeze_runtime::postgres;
use tonic::Status;

use crate::networks::ConnectError;

/// When a network that is not well may be tried again.
const NETWORK_AGAIN: Duration = Duration::from_secs(5);

/// An error of this service. Each variant is a fact with its subject.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields of the request are at fault.
    #[error("the request is invalid")]
    Invalid(Fault),
    /// There is no such account.
    #[error("no such account: {0}")]
    NotFound(postbreeze_ids::AccountId),
    /// SANDBOX has no such post.
    #[error("the sandbox has no such post")]
    NoSandboxPost(String),
    /// A network cannot be reached, or is not well.
    #[error("the network cannot be reached: {0}")]
    NetworkUnreachable(String),
    /// The workspace has an account of this platform.
    #[error("the workspace has an account of this platform already")]
    AlreadyConnected,
    /// The idempotency record says otherwise, or cannot be read.
    #[error(transparent)]
    Idempotency(#[from] postbreeze_idempotency::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// A stored value, or one that a peer sent, is none that this version knows.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
    /// Encryption or signing failed.
    #[error("the crypto library failed")]
    Crypto,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Invalid { field, reason, problem } => {
                let mut fields = Fields::new();
                fields.violate_with(field, reason, problem);
                Fault::invalid(fields.into_violations()).into()
            }
            ConnectError::Unreachable(message) => Self::NetworkUnreachable(message),
            ConnectError::Ours(error) => error,
        }
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Denied(denied) => denied.into(),
            Error::Invalid(fault) => fault.into(),
            Error::NotFound(id) => Fault::not_found("account", id).into(),
            Error::NoSandboxPost(id) => Fault::not_found("sandbox_post", id).into(),
            Error::NetworkUnreachable(_) => {
                Fault::new(Reason::SourceUnreachable, message).retry_after(NETWORK_AGAIN).into()
            }
            Error::AlreadyConnected => Fault::new(Reason::AccountAlreadyConnected, message).into(),
            Error::Idempotency(cause) => match cause.into_fault() {
                Ok(fault) => fault.into(),
                Err(cause) => postgres::status_of(&cause),
            },
            Error::Database(cause) => postgres::status_of(&cause),
            Error::Unreadable(_) | Error::Crypto => {
                tracing::error!(cause = message, "a call failed");
                internal()
            }
        }
    }
}
