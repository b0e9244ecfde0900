//! What can go wrong here, and the one place where it becomes an answer.

use std::time::Duration;

use postbreeze_context::Denied;
use postbreeze_ids::KeyId;
use postbreeze_proto::status::{Fault, Reason, internal, is_passed_on};
use postbreeze_runtime::postgres;
use tonic::Status;

/// When who was not let wait may try again: the queue is through by then.
const PASSWORDS_RETRY: Duration = Duration::from_secs(1);

/// An error of this service. Each variant is a fact with its subject.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields of the request are at fault.
    #[error("the request is invalid")]
    Invalid(Fault),
    /// No key of the caller has this id.
    #[error("no such API key: {0}")]
    KeyNotFound(KeyId),
    /// A user has signed up with this email.
    #[error("a user has signed up with this email")]
    EmailTaken,
    /// No credential has this hash, or email and password do not fit.
    #[error("{0}")]
    CredentialInvalid(&'static str),
    /// The credential has run out.
    #[error("the credential has expired")]
    CredentialExpired,
    /// The credential was taken back.
    #[error("the credential was revoked")]
    CredentialRevoked,
    /// The idempotency record says otherwise, or cannot be read.
    #[error(transparent)]
    Idempotency(#[from] postbreeze_idempotency::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// `workspaces` did not do its part.
    #[error("workspaces answered {0}")]
    Workspaces(Status),
    /// A row that must be there is not.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Too many passwords wait to be checked.
    #[error("too many sign in at once")]
    Overloaded,
    /// The crypto library failed.
    #[error("the crypto library failed")]
    Crypto,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        let told = |reason| Fault::new(reason, message.clone()).into();
        match error {
            Error::Denied(denied) => denied.into(),
            Error::Invalid(fault) => fault.into(),
            Error::KeyNotFound(id) => Fault::not_found("api_key", id).into(),
            Error::EmailTaken => told(Reason::EmailTaken),
            Error::CredentialInvalid(_) => told(Reason::CredentialInvalid),
            Error::CredentialExpired => told(Reason::CredentialExpired),
            Error::CredentialRevoked => told(Reason::CredentialRevoked),
            Error::Overloaded => {
                Fault::new(Reason::Overloaded, message).retry_after(PASSWORDS_RETRY).into()
            }
            Error::Idempotency(cause) => match cause.into_fault() {
                Ok(fault) => fault.into(),
                Err(cause) => postgres::status_of(&cause),
            },
            Error::Database(cause) => postgres::status_of(&cause),
            Error::Workspaces(status) if is_passed_on(&status) => status,
            Error::Workspaces(_) | Error::Missing(_) | Error::Crypto => {
                tracing::error!(cause = message, "a call failed");
                internal()
            }
        }
    }
}
