//! What a request asks for, and in what: told from its path and its content type alone.

use http::{Method, Request, header};
use postbreeze_proto::RPC_PATHS;
use tonic::body::Body;

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
