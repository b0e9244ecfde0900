//! What tests want of an answer.

use postbreeze_proto::status::{Reason, reason_of};
use tonic::Status;
use tonic_types::StatusExt as _;

/// The refusal, which must have this reason.
///
/// # Panics
/// When it is none, or has another.
#[track_caller]
pub fn refused<T>(answer: Result<T, Status>, reason: Reason) -> Status {
    match answer {
        Ok(_) => panic!("not refused with {reason:?}"),
        Err(status) => {
            assert_eq!(reason_of(&status), Some(reason), "{status:?}");
            status
        }
    }
}

/// The fields that a refusal with `FIELD_INVALID` names, in the order of their names.
///
/// # Panics
/// When it is no such refusal.
#[track_caller]
pub fn invalid_fields<T>(answer: Result<T, Status>) -> Vec<String> {
    violated_fields(&refused(answer, Reason::FieldInvalid))
}

/// The fields that a status names, in the order of their names.
#[must_use]
pub fn violated_fields(status: &Status) -> Vec<String> {
    let details = status.get_error_details();
    let named = details.bad_request().map(|bad| bad.field_violations.as_slice());
    let mut fields: Vec<String> =
        named.unwrap_or_default().iter().map(|violation| violation.field.clone()).collect();
    fields.sort();
    fields
}

/// An entry of the metadata of a status's `ErrorInfo`.
#[must_use]
pub fn metadata(status: &Status, name: &str) -> Option<String> {
    let details = status.get_error_details();
    details.error_info().and_then(|info| info.metadata.get(name).cloned())
}
