//! What can go wrong here, and the one place where it becomes an answer.

use std::time::Duration;

use postbreeze_context::Denied;
use postbreeze_ids::AccountId;
use postbreeze_proto::status::{Fault, Reason, internal};
use postbreeze_runtime::postgres;
use tonic::{Code, Status};

use crate::post::{PostStatus, Refused};

/// An error of this service. Each variant is a fact with its subject.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// Fields of the request are at fault.
    #[error("the request is invalid")]
    Invalid(Fault),
    /// There is no such thing, or it is deleted.
    #[error("no such {resource}: {id}")]
    NotFound {
        /// What was looked for.
        resource: &'static str,
        /// Its id.
        id: String,
    },
    /// The post's status does not allow the step.
    #[error("the post is {0}")]
    PostState(PostStatus),
    /// Nothing of what is to be tried again has failed.
    #[error("nothing has failed")]
    NothingToRetry,
    /// The first comment was tried a moment ago.
    #[error("the first comment was tried a moment ago")]
    Cooldown(Duration),
    /// The comments of the workspace were fetched a moment ago.
    #[error("the comments were fetched a moment ago")]
    RefreshedLately(Duration),
    /// The comment has a reply, or may have one.
    #[error("the comment has a reply")]
    AlreadyReplied,
    /// A reply was written down, and nobody knows yet whether the network has it.
    #[error("it is not known yet whether the network has the reply")]
    ReplyUnderWay {
        /// When it may be.
        retry_after: Duration,
    },
    /// The network does not have what was sent, and may take it later.
    #[error("the network did not take it: {message}")]
    NetworkUnwell {
        /// What it said.
        message: String,
        /// When it may.
        retry_after: Duration,
    },
    /// A post changed while what it needs was looked up.
    #[error("the post keeps changing")]
    PostChanged,
    /// The account cannot publish.
    #[error("the account {0} is not active")]
    AccountNotActive(AccountId),
    /// The reviewer wrote the post.
    #[error("nobody reviews a post of their own")]
    OwnPost,
    /// The post has changed since the client read it.
    #[error("the post has changed since")]
    EtagStale,
    /// The owner's plan allows no further post in the month.
    #[error("the plan of the workspace's owner allows {limit} posts in this month")]
    PlanLimitPosts {
        /// Units the plan allows in a month.
        limit: i64,
        /// Units held.
        current: i64,
    },
    /// The idempotency record says otherwise, or cannot be read.
    #[error(transparent)]
    Idempotency(#[from] postbreeze_idempotency::Error),
    /// The database failed.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// Another service did not do its part.
    #[error("{peer} answered {status}")]
    Peer {
        /// The service.
        peer: &'static str,
        /// What it answered.
        status: Status,
    },
    /// Encryption or randomness failed.
    #[error("the crypto library failed")]
    Crypto,
    /// Another service refuses what the client wants: told as it is.
    #[error("another service refused: {0}")]
    Refused(Status),
    /// A stored value, or one that a peer sent, is none that this version knows.
    #[error("{0} cannot be read")]
    Unreadable(&'static str),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<aws_lc_rs::error::Unspecified> for Error {
    fn from(_: aws_lc_rs::error::Unspecified) -> Self {
        Self::Crypto
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::State(status) => Self::PostState(status),
            Refused::NothingToRetry => Self::NothingToRetry,
        }
    }
}

/// When a change that always came too late may be tried again.
const AGAIN: Duration = Duration::from_secs(1);

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Denied(denied) => denied.into(),
            Error::Invalid(fault) => fault.into(),
            Error::NotFound { resource, id } => Fault::not_found(resource, id).into(),
            Error::PostState(status) => {
                let name = status.as_str().to_uppercase();
                Fault::new(Reason::PostState, message).with("status", name).into()
            }
            Error::AlreadyReplied => Fault::new(Reason::AlreadyReplied, message).into(),
            Error::ReplyUnderWay { retry_after } | Error::NetworkUnwell { retry_after, .. } => {
                Fault::new(Reason::SourceUnreachable, message).retry_after(retry_after).into()
            }
            Error::Cooldown(wait) | Error::RefreshedLately(wait) => {
                Fault::new(Reason::Cooldown, message).retry_after(wait).into()
            }
            Error::NothingToRetry => Fault::new(Reason::NothingToRetry, message).into(),
            Error::AccountNotActive(id) => {
                Fault::new(Reason::AccountNotActive, message).with("account_id", id).into()
            }
            Error::PostChanged => Fault::new(Reason::Overloaded, message).retry_after(AGAIN).into(),
            Error::OwnPost => Fault::new(Reason::OwnPost, message).into(),
            Error::EtagStale => Fault::new(Reason::EtagStale, message).into(),
            Error::PlanLimitPosts { limit, current } => Fault::new(Reason::PlanLimitPosts, message)
                .with("limit", limit)
                .with("current", current)
                .into(),
            Error::Idempotency(cause) => match cause.into_fault() {
                Ok(fault) => fault.into(),
                Err(cause) => postgres::status_of(&cause),
            },
            Error::Database(cause) => postgres::status_of(&cause),
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
            Error::Refused(status) => status,
            Error::Unreadable(_) | Error::Crypto => {
                tracing::error!(cause = message, "a call failed");
                internal()
            }
        }
    }
}
