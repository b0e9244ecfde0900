//! What can go wrong here, and the one place where it becomes an answer.

use std::time::Duration;

use postbreeze_context::Denied;
use postbreeze_proto::status::{Fault, Reason, internal, is_own_internal};
use tonic::{Code, Status};

/// An error of the aggregator's own RPCs.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Fields of the request are at fault.
    #[error("the request is invalid")]
    Invalid(Fault),
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// No source of a list answers, or one that must.
    #[error("{missing} of {sources} sources cannot be reached")]
    SourcesMissing {
        /// How many did not answer.
        missing: usize,
        /// How many were asked.
        sources: usize,
    },
    /// An owner refused: its answer is ours.
    #[error("an owner answered {0}")]
    Owner(Status),
    /// A peer sent what cannot be read.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        match status.code() {
            // Not an owner's word, but our own client's, which cannot read it: no fault of whoever asked.
            Code::Internal if !is_own_internal(&status) => Self::Unreadable("answer of an owner"),
            Code::OutOfRange => Self::Unreadable("answer of an owner, for its size"),
            _ => Self::Owner(status),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Invalid(fault) => fault.into(),
            Error::Denied(denied) => denied.into(),
            Error::SourcesMissing { .. } => Fault::new(Reason::SourceUnreachable, message)
                .retry_after(Duration::from_secs(1))
                .into(),
            Error::Owner(status) => status,
            Error::Unreadable(_) => {
                tracing::error!(cause = message, "a value cannot be read");
                internal()
            }
        }
    }
}
