//! Errors on the wire: the closed table of reasons and codes, and the one way a [`Status`] is built.
//!
//! A service's own error enum becomes a [`Fault`] in its `error.rs`, and a fault becomes a status here.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

pub use crate::v1::ErrorReason as Reason;

/// The `domain` of every `google.rpc.ErrorInfo`.
pub const DOMAIN: &str = "postbreeze";

/// The message of an error whose cause is ours alone. [`is_own_internal`] knows it by its `ErrorInfo`.
const INTERNAL_REASON: &str = "INTERNAL";

/// Of an error's message at the most.
const MESSAGE_CHARS: usize = 500;
/// Of the violations that an answer tells, all together, before they are written in base64.
const VIOLATIONS_BYTES: usize = 4_096;
/// What protobuf adds to each.
const FRAMING_BYTES: usize = 8;

/// One field of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field: `platforms[1].account_id`.
    pub field: String,
    /// Which rule, as a reason of its own.
    pub reason: Reason,
    /// What is wrong, for people.
    pub description: String,
}

/// An error that a client is told, before it is a [`Status`].
#[derive(Debug, Clone)]
pub struct Fault {
    reason: Reason,
    message: String,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
    violations: Vec<Violation>,
}

impl Fault {
    /// A fault with the code that belongs to its reason. Messages are lower case, without a full stop.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            metadata: HashMap::new(),
            retry_after: None,
            violations: Vec::new(),
        }
    }

    /// `RESOURCE_NOT_FOUND` with `resource` (`"post"`) and `id`.
    #[must_use]
    pub fn not_found(resource: &'static str, id: impl ToString) -> Self {
        let id = id.to_string();
        Self::new(Reason::ResourceNotFound, format!("no such {resource}: {id}"))
            .with("resource", resource)
            .with("id", id)
    }

    /// `INVALID_ARGUMENT` with every violated field, as many as fit into an answer. When all have one reason the whole has it, otherwise `FIELD_INVALID`.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut reasons = violations.iter().map(|violation| violation.reason);
        let first = reasons.next().unwrap_or(Reason::FieldInvalid);
        let reason = if reasons.all(|other| other == first) { first } else { Reason::FieldInvalid };
        let message = violations
            .iter()
            .take(MESSAGE_CHARS)
            .map(|violation| format!("{}: {}", violation.field, violation.description))
            .collect::<Vec<_>>()
            .join("; ");
        let mut fault = Self::new(reason, message);
        fault.violations = violations;
        fault
    }

    /// Adds one entry of the `ErrorInfo` metadata.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    /// Says when trying again can help.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The reason.
    #[must_use]
    pub fn reason(&self) -> Reason {
        self.reason
    }

    /// The violated fields, empty unless the reason is one of `INVALID_ARGUMENT`.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }
}

impl From<Fault> for Status {
    fn from(mut fault: Fault) -> Self {
        let told = told(&fault.violations);
        let untold = fault.violations.split_off(told).len();
        if untold > 0 {
            fault.metadata.insert("violations_omitted".to_owned(), untold.to_string());
        }
        let mut details =
            ErrorDetails::with_error_info(reason_name(fault.reason), DOMAIN, fault.metadata);
        if !fault.violations.is_empty() {
            let fields = fault.violations.into_iter().map(|violation| FieldViolation {
                field: violation.field,
                description: violation.description,
                reason: reason_name(violation.reason).to_owned(),
                localized_message: None,
            });
            details.set_bad_request(fields.collect::<Vec<_>>());
        }
        if let Some(delay) = fault.retry_after {
            details.set_retry_info(Some(delay));
        }
        let message: String = fault.message.chars().take(MESSAGE_CHARS).collect();
        Status::with_error_details(code_of(fault.reason), message, details)
    }
}

/// How many violations an answer tells: errors travel in headers, of which many clients take no more than 8 KiB.
fn told(violations: &[Violation]) -> usize {
    let mut bytes = 0;
    let fits = |violation: &&Violation| {
        let reason = reason_name(violation.reason).len();
        bytes += violation.field.len() + violation.description.len() + reason + FRAMING_BYTES;
        bytes <= VIOLATIONS_BYTES
    };
    violations.iter().take_while(fits).count()
}

/// An answer for a failure of our own. Log the cause before: the client learns nothing of it.
#[must_use]
pub fn internal() -> Status {
    let details = ErrorDetails::with_error_info(INTERNAL_REASON, DOMAIN, HashMap::new());
    Status::with_error_details(Code::Internal, "internal error", details)
}

/// The deadline of the call has passed.
#[must_use]
pub fn deadline_exceeded() -> Status {
    Status::deadline_exceeded("the deadline of the call has passed")
}

/// Whether a status was built by [`internal`], not by the transport below us.
#[must_use]
pub fn is_own_internal(status: &Status) -> bool {
    status
        .get_error_details()
        .error_info()
        .is_some_and(|info| info.domain == DOMAIN && info.reason == INTERNAL_REASON)
}

/// The reason that a status carries, if it is one of ours.
#[must_use]
pub fn reason_of(status: &Status) -> Option<Reason> {
    let details = status.get_error_details();
    let info = details.error_info().filter(|info| info.domain == DOMAIN)?;
    Reason::from_str_name(&format!("ERROR_REASON_{}", info.reason))
}

/// Whether the answer of another service, asked on the way of a client's call, is the client's answer too: that service
/// cannot answer now, or the client's credential was taken away, or has run out, during the call. Anything else is a
/// failure between services.
#[must_use]
pub fn is_passed_on(status: &Status) -> bool {
    matches!(status.code(), Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted)
        || matches!(reason_of(status), Some(Reason::CredentialRevoked | Reason::CredentialExpired))
}

/// The bare name of a reason, as `ErrorInfo` carries it: `POST_STATE`.
#[must_use]
pub fn reason_name(reason: Reason) -> &'static str {
    let name = reason.as_str_name();
    name.strip_prefix("ERROR_REASON_").unwrap_or(name)
}

/// The code of each reason. There is no other place where a code is chosen.
#[must_use]
pub fn code_of(reason: Reason) -> Code {
    match reason {
        Reason::CredentialMissing
        | Reason::CredentialInvalid
        | Reason::CredentialExpired
        | Reason::CredentialRevoked => Code::Unauthenticated,
        Reason::WorkspaceOutOfReach
        | Reason::RoleInsufficient
        | Reason::KeyReadOnly
        | Reason::ScopedKey
        | Reason::SessionRequired
        | Reason::OwnPost
        | Reason::InvitationNotYours
        | Reason::PlanLimitPosts
        | Reason::PlanLimitStorage
        | Reason::PlanFeatureRequired => Code::PermissionDenied,
        Reason::ResourceNotFound => Code::NotFound,
        Reason::Unspecified
        | Reason::FieldInvalid
        | Reason::MessageInvalid
        | Reason::AccountsSpanWorkspaces
        | Reason::ScheduleInPast
        | Reason::PageTokenInvalid
        | Reason::MediaTypeUnsupported
        | Reason::UrlForbidden => Code::InvalidArgument,
        Reason::PostState
        | Reason::NothingToRetry
        | Reason::AccountNotActive
        | Reason::InvitationSpent
        | Reason::OwnerMustTransfer
        | Reason::UploadIncomplete
        | Reason::MediaInUse
        | Reason::AlreadyReplied => Code::FailedPrecondition,
        Reason::SlugTaken
        | Reason::EmailTaken
        | Reason::AccountAlreadyConnected
        | Reason::AlreadyMember => Code::AlreadyExists,
        Reason::EtagStale | Reason::RequestIdReused => Code::Aborted,
        Reason::RateLimited | Reason::Cooldown | Reason::MessageTooLarge => Code::ResourceExhausted,
        Reason::SourceUnreachable | Reason::Overloaded => Code::Unavailable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(field: &str, reason: Reason) -> Violation {
        Violation { field: field.to_owned(), reason, description: "is wrong".to_owned() }
    }

    #[test]
    fn a_fault_carries_reason_metadata_and_retry() {
        let status = Status::from(
            Fault::new(Reason::Cooldown, "wait")
                .with("limit", 3)
                .retry_after(Duration::from_secs(2)),
        );
        assert_eq!(status.code(), Code::ResourceExhausted);
        assert_eq!(reason_of(&status), Some(Reason::Cooldown));
        let details = status.get_error_details();
        assert_eq!(details.error_info().map(|info| info.metadata["limit"].as_str()), Some("3"));
        assert_eq!(
            details.retry_info().and_then(|info| info.retry_delay),
            Some(Duration::from_secs(2))
        );
    }

    #[test]
    fn differing_violations_are_field_invalid_and_equal_ones_keep_their_reason() {
        let differing = Fault::invalid(vec![
            violation("a", Reason::ScheduleInPast),
            violation("b", Reason::FieldInvalid),
        ]);
        assert_eq!(differing.reason(), Reason::FieldInvalid);
        let equal = Fault::invalid(vec![violation("a", Reason::ScheduleInPast)]);
        assert_eq!(equal.reason(), Reason::ScheduleInPast);
        let status = Status::from(differing);
        let fields = status.get_error_details().bad_request().map(|bad| bad.field_violations.len());
        assert_eq!(fields, Some(2));
    }

    #[test]
    fn an_answer_stays_small_and_says_how_many_violations_it_leaves_out() {
        let many = (0..10_000).map(|at| violation(&format!("f[{at}]"), Reason::FieldInvalid));
        let status = Status::from(Fault::invalid(many.collect()));
        let details = status.get_error_details();
        let told = details.bad_request().map_or(0, |bad| bad.field_violations.len());
        let omitted = details.error_info().map(|info| info.metadata["violations_omitted"].clone());
        assert!(told > 50, "{told}");
        assert_eq!(omitted, Some((10_000 - told).to_string()));
        assert!(status.details().len() < 6_000, "{}", status.details().len());
        assert_eq!(status.message().chars().count(), MESSAGE_CHARS);
    }

    #[test]
    fn our_internal_error_is_told_from_the_transports() {
        assert!(is_own_internal(&internal()));
        assert!(!is_own_internal(&Status::internal("failed to decode Protobuf message")));
    }
}
