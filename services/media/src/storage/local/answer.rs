//! What a request gets.

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW, CONTENT_TYPE,
        X_CONTENT_TYPE_OPTIONS,
    },
};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use hyper::body::Incoming;

use super::{
    Local, download,
    grant::{Grant, NoGrant},
    upload,
};

pub(super) type Body = UnsyncBoxBody<Bytes, std::io::Error>;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, PUT, OPTIONS");

pub(super) async fn answer(local: &Local, request: Request<Incoming>) -> Response<Body> {
    let method = request.method();
    let mut response = match *method {
        Method::OPTIONS => preflight(),
        Method::PUT | Method::GET | Method::HEAD => {
            match local.grants.read(method, request.uri(), local.clock.now()) {
                Ok(Grant::Put { key, content_type, size_bytes }) => {
                    upload::upload(local, &key, &content_type, size_bytes, request).await
                }
                Ok(Grant::Get { key, content_type, filename }) => {
                    download::download(local, &key, &content_type, &filename, &request).await
                }
                Err(NoGrant::Forged) => says(StatusCode::FORBIDDEN, "this URL was not made here"),
                Err(NoGrant::Expired) => says(StatusCode::FORBIDDEN, "this URL has expired"),
            }
        }
        _ => {
            let mut response = says(StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD or PUT");
            response.headers_mut().insert(ALLOW, METHODS);
            response
        }
    };
    // Pages of any origin may: the URL is all the authority there is, and no cookie counts.
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("content-length, content-range, content-disposition"),
    );
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// What a browser asks before a page may PUT.
fn preflight() -> Response<Body> {
    let mut response = says(StatusCode::NO_CONTENT, "");
    let headers = response.headers_mut();
    headers.remove(CONTENT_TYPE);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("3600"));
    response
}

/// A short answer.
pub(super) fn says(status: StatusCode, text: &'static str) -> Response<Body> {
    let body = Full::new(Bytes::from_static(text.as_bytes()));
    let mut response = Response::new(body.map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

/// A fault of ours, told once.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> Response<Body> {
    tracing::error!(error, "the media directory failed");
    says(StatusCode::SERVICE_UNAVAILABLE, "try again later")
}
