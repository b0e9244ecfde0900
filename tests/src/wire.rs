//! Calls with any bytes, as a client that nobody wrote carefully would make them.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, TE},
};
use http_body_util::{BodyExt as _, Full};
use postbreeze_proto::status::{Reason, reason_of};
use tonic::{Code, Status, body::Body};
use tower::{Service, ServiceExt as _};

/// A message in gRPC's frame.
#[must_use]
pub fn frame(message: &[u8]) -> Bytes {
    frame_with(0, message)
}

/// A message in a frame with this flag: 1 says that it is compressed.
#[must_use]
pub fn frame_with(flag: u8, message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(flag);
    framed.put_u32(u32::try_from(message.len()).expect("test messages are small"));
    framed.put_slice(message);
    framed.freeze()
}

/// An answer, whatever it is.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Of HTTP.
    pub http: StatusCode,
    /// Of gRPC; none when it has none, which clients read as UNKNOWN.
    pub status: Option<Status>,
    /// The message without its frame, when there is one.
    pub message: Option<Bytes>,
    /// The `x-request-id`.
    pub request_id: Option<String>,
    /// What came before the message.
    pub headers: HeaderMap,
}

impl Answer {
    /// The code, as a client sees it.
    #[must_use]
    pub fn code(&self) -> Code {
        self.status.as_ref().map_or(Code::Unknown, Status::code)
    }

    /// The reason of a refusal.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        self.status.as_ref().and_then(reason_of)
    }

    /// Code and reason, for messages of tests.
    #[must_use]
    pub fn told(&self) -> String {
        let reason = self.reason().map_or("-", |reason| reason.as_str_name());
        let message = self.status.as_ref().map_or("no status", Status::message);
        format!("{:?} {} ({message})", self.code(), reason.trim_start_matches("ERROR_REASON_"))
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// `/postbreeze.v1.PostService/GetPost`
    pub path: &'a str,
    /// A credential, if any.
    pub credential: Option<&'a str>,
    /// The whole body, frames and all.
    pub body: Bytes,
    /// More headers.
    pub headers: &'a [(HeaderName, HeaderValue)],
}

impl<'a> Call<'a> {
    /// A well-formed call.
    #[must_use]
    pub fn new(path: &'a str, credential: Option<&'a str>, message: &[u8]) -> Self {
        Self { path, credential, body: frame(message), headers: &[] }
    }

    /// Makes the call.
    ///
    /// # Panics
    /// When the connection breaks, or the answer's body is cut off.
    pub async fn send<S>(self, service: &S) -> Answer
    where
        S: Service<Request<Body>, Response = Response<Body>> + Clone,
        S::Error: std::fmt::Debug,
    {
        let mut request = Request::post(format!("http://postbreeze{}", self.path))
            .header(CONTENT_TYPE, "application/grpc")
            .header(TE, "trailers")
            .body(Body::new(Full::new(self.body)))
            .expect("the request is well-formed");
        let headers = request.headers_mut();
        if let Some(credential) = self.credential {
            let value = HeaderValue::try_from(format!("Bearer {credential}"));
            headers.insert(AUTHORIZATION, value.expect("credentials are header values"));
        }
        for (name, value) in self.headers {
            headers.insert(name, value.clone());
        }
        let response = service.clone().oneshot(request).await.expect("the call is answered");
        read(response).await
    }
}

async fn read(response: Response<Body>) -> Answer {
    let (parts, body) = response.into_parts();
    let whole = body.collect().await.expect("the answer is whole");
    let status = status_of(&parts.headers).or_else(|| whole.trailers().and_then(status_of));
    let bytes = whole.to_bytes();
    Answer {
        http: parts.status,
        status,
        message: (bytes.len() >= 5).then(|| bytes.slice(5..)),
        request_id: parts
            .headers
            .get("x-request-id")
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned),
        headers: parts.headers,
    }
}

fn status_of(headers: &HeaderMap) -> Option<Status> {
    Status::from_header_map(headers)
}
