//! What can go wrong, and what a client is told of it.

use postbreeze_context::Denied;
use postbreeze_ids::{InvitationId, UserId, WorkspaceId};
use postbreeze_proto::status::{self, Fault, Reason, Violation, is_passed_on};
use postbreeze_runtime::postgres::status_of;
use tonic::Status;

use crate::member::Refusal;

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the request is invalid")]
    Invalid(Fault),
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error("no such member: {0}")]
    NoMember(UserId),
    #[error("no such invitation: {0}")]
    NoInvitation(InvitationId),
    #[error("no such workspace: {0}")]
    NoWorkspace(WorkspaceId),
    #[error("the token was never given out")]
    NoSuchToken,
    #[error("the invitation is for another address")]
    InvitationNotYours,
    #[error("the invitation was used, taken back or replaced, or has expired")]
    InvitationSpent,
    #[error("the user is a member already")]
    AlreadyMember,
    #[error("the owner must transfer the workspace first")]
    OwnerMustTransfer,
    #[error("the slug is taken: {0}")]
    SlugTaken(String),
    #[error("plans are not changed by users here: ask the operator")]
    PlansNotSelfService,
    #[error("identity answered: {0}")]
    Identity(Status),
    #[error("identity takes the email address for none")]
    EmailRefused(Status),
    #[error("identity answered what cannot be read")]
    IdentityMalformed,
    #[error("the source of randomness failed")]
    Random,
    #[error(transparent)]
    Idempotency(#[from] postbreeze_idempotency::Error),
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::Invalid(fault)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::RoleInsufficient => Self::Denied(Denied::RoleInsufficient),
            Refusal::OwnerMustTransfer => Self::OwnerMustTransfer,
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        let told = |reason| Fault::new(reason, text.as_str()).into();
        match error {
            Error::Invalid(fault) => fault.into(),
            Error::Denied(denied) => denied.into(),
            Error::NoMember(id) => Fault::not_found("member", id).into(),
            Error::NoInvitation(id) => Fault::not_found("invitation", id).into(),
            Error::NoWorkspace(id) => Fault::not_found("workspace", id).into(),
            Error::NoSuchToken => Fault::invalid(vec![Violation {
                field: "invitation_token".to_owned(),
                reason: Reason::FieldInvalid,
                description: "is not a token that was given out".to_owned(),
            }])
            .into(),
            Error::InvitationNotYours => told(Reason::InvitationNotYours),
            Error::InvitationSpent => told(Reason::InvitationSpent),
            Error::AlreadyMember => told(Reason::AlreadyMember),
            Error::OwnerMustTransfer => told(Reason::OwnerMustTransfer),
            Error::SlugTaken(slug) => {
                Fault::new(Reason::SlugTaken, text.as_str()).with("slug", slug).into()
            }
            Error::PlansNotSelfService => told(Reason::PlanFeatureRequired),
            Error::EmailRefused(status) => status,
            Error::Identity(status) if is_passed_on(&status) => status,
            Error::Identity(_) | Error::IdentityMalformed | Error::Random => {
                tracing::error!(cause = text, "a call failed");
                status::internal()
            }
            Error::Idempotency(error) => match error.into_fault() {
                Ok(fault) => fault.into(),
                Err(error) => status_of(&error),
            },
            Error::Database(error) => status_of(&error),
        }
    }
}
