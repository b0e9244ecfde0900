//! What a request asks for, and in what: told from its path and its content type alone.

use std::time::Duration;

use http::{Method, Request, header};
use postbreeze_proto::RPC_PATHS;
use tonic::body::Body;

/// Deadline at the most, but of the few RPCs that are slow by nature.
pub(crate) const LONGEST_DEADLINE: Duration = Duration::from_secs(20);

/// An RPC that waits for what is slow by nature: bytes from the web, or a network that takes a video.
struct Patient {
    path: &'static str,
    /// Deadline at the most.
    longest: Duration,
    /// Whether that is also the deadline of a call that names none.
    always: bool,
    /// The programs that serve it, the aggregator by forwarding.
    programs: &'static [&'static str],
}

const fn patient(
    path: &'static str,
    longest: Duration,
    always: bool,
    programs: &'static [&'static str],
) -> Patient {
    Patient { path, longest, always, programs }
}

const MINUTE: Duration = Duration::from_mins(1);
const MEDIA: &[&str] = &["media", "aggregator", "standalone"];
const POSTS: &[&str] = &["posts", "aggregator", "standalone"];
const PATIENT: &[Patient] = &[
    patient("/postbreeze.v1.MediaService/IngestFromUrl", MINUTE, true, MEDIA),
    patient("/postbreeze.internal.v1.MediaSourceService/IngestMedia", MINUTE, true, &["media"]),
    patient("/postbreeze.v1.MediaService/CompleteUpload", MINUTE, true, MEDIA),
    patient("/postbreeze.v1.PostService/CreatePost", MINUTE, false, POSTS),
    patient("/postbreeze.v1.CommentService/RefreshComments", MINUTE, false, POSTS),
    patient(
        "/postbreeze.internal.v1.NetworkService/Publish",
        Duration::from_mins(5),
        true,
        &["accounts"],
    ),
];

/// The longest deadline of a call that a program serves; of any program when it is not named.
pub(crate) fn longest_call(program: Option<&str>) -> Duration {
    let served = |rpc: &&Patient| program.is_none_or(|program| rpc.programs.contains(&program));
    let patient = PATIENT.iter().filter(served).map(|rpc| rpc.longest).max();
    patient.unwrap_or(LONGEST_DEADLINE).max(LONGEST_DEADLINE)
}

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
        match PATIENT.iter().find(|rpc| rpc.path == path) {
            Some(rpc) => (rpc.always.then_some(rpc.longest), Some(rpc.longest)),
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
        for Patient { path, longest, .. } in PATIENT {
            assert!(RPC_PATHS.contains(*path), "{path}");
            assert_eq!(Route::of(path).patience().1, Some(*longest));
        }
        assert_eq!(Route::of("/postbreeze.v1.PostService/GetPost").patience(), (None, None));
    }

    #[test]
    fn a_program_waits_for_the_longest_call_that_it_serves() {
        let seconds = |program| longest_call(Some(program)).as_secs();
        let programs = ["accounts", "aggregator", "media", "posts", "identity", "workspaces"];
        assert_eq!(programs.map(seconds), [300, 60, 60, 60, 20, 20]);
        assert_eq!(longest_call(None).as_secs(), 300);
    }
}
