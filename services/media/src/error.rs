//! What can go wrong here, and the one place where it becomes an answer.

use std::time::Duration;

use postbreeze_context::Denied;
use postbreeze_ids::{FolderId, MediaId};
use postbreeze_proto::status::{Fault, Reason, Violation, internal};
use postbreeze_runtime::postgres;
use tonic::{Code, Status};

use crate::{medium::MediaStatus, storage::StorageError, store::uses::Users};

/// An error of this service. Each variant is a fact with its subject.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields of the request are at fault.
    #[error("the request is invalid")]
    Invalid(Fault),
    /// There is no such medium, or it is deleted.
    #[error("no such media: {0}")]
    NoMedium(MediaId),
    /// There is no such folder.
    #[error("no such folder: {0}")]
    NoFolder(FolderId),
    /// No bytes were PUT, or the medium takes none any more.
    #[error("{}", told(*.0))]
    UploadIncomplete(MediaStatus),
    /// Posts use the medium.
    #[error("posts use the medium: {}", .0.count)]
    InUse(Users),
    /// The bytes do not fit into what the owner may store.
    #[error("the plan of the workspace's owner allows {limit} bytes of media")]
    PlanLimitStorage {
        /// Bytes the plan allows.
        limit: i64,
        /// Bytes that count already.
        current: i64,
    },
    /// The idempotency record says otherwise, or cannot be read.
    #[error(transparent)]
    Idempotency(#[from] postbreeze_idempotency::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The object store failed.
    #[error("the object store failed")]
    Storage(#[from] StorageError),
    /// Another service did not do its part.
    #[error("{peer} answered {status}")]
    Peer {
        /// The service.
        peer: &'static str,
        /// What it answered.
        status: Status,
    },
    /// Too many media are being fetched.
    #[error("too many media are being fetched at once")]
    Busy,
    /// The work outlived the call it was for.
    #[error("the call has ended")]
    CallEnded,
    /// A stored value, or one that a peer sent, is none that this version knows.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
}

impl Error {
    /// One field is at fault.
    pub(crate) fn field(field: &str, reason: Reason, description: impl Into<String>) -> Self {
        let description = description.into();
        let violation = Violation { field: field.to_owned(), reason, description };
        Self::Invalid(Fault::invalid(vec![violation]))
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

/// When what failed for want of something may be tried again.
const AGAIN: Duration = Duration::from_secs(1);

fn told(status: MediaStatus) -> &'static str {
    match status {
        MediaStatus::Rejected => "the upload was rejected: presign another",
        _ => "no bytes have been uploaded",
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Denied(denied) => denied.into(),
            Error::Invalid(fault) => fault.into(),
            Error::NoMedium(id) => Fault::not_found("media", id).into(),
            Error::NoFolder(id) => Fault::not_found("folder", id).into(),
            Error::UploadIncomplete(status) => Fault::new(Reason::UploadIncomplete, message)
                .with("status", status.as_str().to_uppercase())
                .into(),
            Error::InUse(users) => {
                let posts: Vec<String> = users.first.iter().map(ToString::to_string).collect();
                Fault::new(Reason::MediaInUse, message)
                    .with("posts", posts.join(","))
                    .with("count", users.count)
                    .into()
            }
            Error::PlanLimitStorage { limit, current } => {
                Fault::new(Reason::PlanLimitStorage, message)
                    .with("limit", limit)
                    .with("current", current)
                    .into()
            }
            Error::Idempotency(cause) => match cause.into_fault() {
                Ok(fault) => fault.into(),
                Err(cause) => postgres::status_of(&cause),
            },
            Error::Database(cause) => postgres::status_of(&cause),
            Error::Storage(cause @ StorageError::Unreachable(_)) => {
                tracing::warn!(cause = &cause as &dyn std::error::Error, "storage cannot be used");
                Fault::new(Reason::SourceUnreachable, cause.to_string())
                    .with("source", "storage")
                    .retry_after(AGAIN)
                    .into()
            }
            Error::Peer { peer, status } => match status.code() {
                // Also what a client is told whose credential was revoked meanwhile.
                Code::Unavailable
                | Code::DeadlineExceeded
                | Code::ResourceExhausted
                | Code::Unauthenticated => status,
                _ => {
                    tracing::error!(peer, cause = %status, "a peer failed");
                    internal()
                }
            },
            Error::Busy => Fault::new(Reason::Overloaded, message).retry_after(AGAIN).into(),
            Error::CallEnded => postbreeze_proto::status::deadline_exceeded(),
            Error::Storage(cause) => {
                tracing::error!(cause = &cause as &dyn std::error::Error, "storage failed");
                internal()
            }
            Error::Unreadable(_) => {
                tracing::error!(cause = message, "a value cannot be read");
                internal()
            }
        }
    }
}
