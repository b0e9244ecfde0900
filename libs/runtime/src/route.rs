//! What a request asks for, and in what: told from its path and its content type alone.

use std::time::Duration;

use http::{Method, Request, header};
use postbreeze_proto::RPC_PATHS;
use tonic::body::Body;

/// RPCs that wait for what is slow by nature, bytes from the web or a network that takes a video: how long at the most,
/// and whether also when the caller names no deadline. A process that stops does not wait for them to the end.
const PATIENT: &[(&str, Duration, bool)] = &[
    ("/postbreeze.v1.MediaService/IngestFromUrl", Duration::from_mins(1), true),
    ("/postbreeze.internal.v1.MediaSourceService/IngestMedia", Duration::from_mins(1), true),
    ("/postbreeze.v1.MediaService/CompleteUpload", Duration::from_mins(1), true),
    ("/postbreeze.v1.PostService/CreatePost", Duration::from_mins(1), false),
    ("/postbreeze.v1.CommentService/RefreshComments", Duration::from_mins(1), false),
    ("/postbreeze.internal.v1.NetworkService/Publish", Duration::from_mins(5), true),
];

/// What a path leads to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// One of our RPCs, all of which are unary.
    Rpc(&'static str),
    /// `grpc.health.v1.Health`.
    Health,
    /// Reflection, whose streams cannot be taken in whole, or nothing.
    Other,
}

impl Route {
    pub(crate) fn of(path: &str) -> Self {
        match RPC_PATHS.get(path) {
            Some(path) => Self::Rpc(path),
            None if path.starts_with("/grpc.health.") => Self::Health,
            None => Self::Other,
        }
    }

    /// The deadline of a call that names none, and the latest one, where they are not everyone's.
    pub(crate) fn patience(self) -> (Option<Duration>, Option<Duration>) {
        let Self::Rpc(path) = self else { return (None, None) };
        match PATIENT.iter().find(|(patient, ..)| *patient == path) {
            Some((_, longest, always)) => (always.then_some(*longest), Some(*longest)),
            None => (None, None),
        }
    }

    /// A name for spans and metrics: only known paths become one, so that a client cannot invent more.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Rpc(path) => path,
            Self::Health => "health",
            Self::Other => "other",
        }
    }
}

/// What a request speaks.
pub(crate) enum Protocol {
    /// gRPC with protobuf.
    Grpc,
    /// gRPC with messages that are not protobuf.
    OtherGrpc,
    /// No gRPC at all.
    Other,
}

impl Protocol {
    pub(crate) fn of(request: &Request<Body>) -> Self {
        const GRPC: &str = "application/grpc";
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let subtype = content_type
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        match subtype.as_deref().and_then(|value| value.strip_prefix(GRPC)) {
            Some("" | "+proto") if request.method() == Method::POST => Self::Grpc,
            Some(other) if request.method() == Method::POST && other.starts_with('+') => {
                Self::OtherGrpc
            }
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_longer_is_an_rpc() {
        for (path, longest, _) in PATIENT {
            assert!(RPC_PATHS.contains(*path), "{path}");
            assert_eq!(Route::of(path).patience().1, Some(*longest));
        }
        assert_eq!(Route::of("/postbreeze.v1.PostService/GetPost").patience(), (None, None));
    }
}
