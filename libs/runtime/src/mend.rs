//! Mends what tonic answers by itself: INTERNAL for a message that cannot be decoded, OUT_OF_RANGE for one that is too
//! large, CANCELLED for a timeout of its own.

use http::{HeaderValue, Response};
use postbreeze_proto::status::{self, Fault, Reason};
use tonic::{Code, Status, body::Body};
use tonic_types::StatusExt as _;

/// The answer as it leaves. A refusal names the call in its details when `request_id` is given.
pub(crate) fn mend(response: Response<Body>, request_id: Option<&HeaderValue>) -> Response<Body> {
    if code_of(&response) == Code::Ok {
        return response;
    }
    let Some(status) = status_of(&response) else { return response };
    let status = match status.code() {
        Code::Internal if !status::is_own_internal(&status) => {
            Fault::new(Reason::MessageInvalid, "the message cannot be decoded").into()
        }
        Code::OutOfRange => Fault::new(Reason::MessageTooLarge, "the message is too large").into(),
        Code::Cancelled => status::deadline_exceeded(),
        Code::Unknown => {
            tracing::error!(cause = status.message(), "an answer without a code");
            status::internal()
        }
        _ if request_id.is_none() => return response,
        _ => status,
    };
    match request_id {
        None => status.into_http(),
        Some(request_id) => with_request_info(&status, request_id).into_http(),
    }
}

/// The code of an answer that has ended before its body; OK when the body is still to come.
pub(crate) fn code_of(response: &Response<Body>) -> Code {
    response
        .headers()
        .get(Status::GRPC_STATUS)
        .map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()))
}

fn status_of(response: &Response<Body>) -> Option<Status> {
    match response.extensions().get::<Status>() {
        Some(status) => Some(status.clone()),
        None => Status::from_header_map(response.headers()),
    }
}

fn with_request_info(status: &Status, request_id: &HeaderValue) -> Status {
    let mut details = status.get_error_details();
    details.set_request_info(request_id.to_str().unwrap_or_default(), "");
    let mut whole = Status::with_error_details(status.code(), status.message(), details);
    *whole.metadata_mut() = status.metadata().clone();
    whole
}
