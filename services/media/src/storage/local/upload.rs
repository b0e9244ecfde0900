//! A PUT: checked before a byte is read, one of an object at a time, written aside, and there all at once.

use std::time::Duration;

use http::{
    Request, Response, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{
    fs,
    time::{Instant, timeout_at},
};

use super::{
    Local,
    answer::{Body, failed, says},
    staged::{Published, Replace},
};
use crate::{
    medium::transfer_lasts,
    storage::{Key, StorageError},
};

/// How long a client may send nothing.
const IDLE: Duration = Duration::from_secs(30);

pub(super) async fn upload(
    local: &Local,
    key: &Key,
    content_type: &str,
    size_bytes: u64,
    request: Request<Incoming>,
) -> Response<Body> {
    let headers = request.headers();
    if headers.get(CONTENT_TYPE).is_none_or(|given| given != content_type) {
        return says(StatusCode::FORBIDDEN, "the URL is for another content-type");
    }
    match headers.get(CONTENT_LENGTH).map(|given| given.to_str().unwrap_or("").parse::<u64>()) {
        None => return says(StatusCode::LENGTH_REQUIRED, "content-length is required"),
        Some(Ok(length)) if length == size_bytes => {}
        Some(_) => return says(StatusCode::FORBIDDEN, "the URL is for another content-length"),
    }
    let Some(_only) = local.incoming.enter(key) else {
        return says(StatusCode::CONFLICT, "it is being sent");
    };
    match fs::try_exists(local.file(key)).await {
        Ok(false) => {}
        Ok(true) => return exists(),
        Err(error) => return failed(&error),
    }
    match receive(local, key, size_bytes, request.into_body()).await {
        Ok(response) => response,
        Err(error) => failed(&error),
    }
}

async fn receive(
    local: &Local,
    key: &Key,
    size_bytes: u64,
    mut body: Incoming,
) -> Result<Response<Body>, StorageError> {
    let mut staged = local.stage().await?;
    let begin = Instant::now();
    let mut received = 0;
    loop {
        // At each moment it must have come as fast as the slowest may.
        let end = begin + transfer_lasts(received);
        let frame = match timeout_at(end.min(Instant::now() + IDLE), body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) => return Ok(says(StatusCode::BAD_REQUEST, "the body broke off")),
            Err(_) => return Ok(says(StatusCode::REQUEST_TIMEOUT, "the body came too slowly")),
        };
        if let Ok(bytes) = frame.into_data() {
            received += bytes.len() as u64;
            staged.write(&bytes).await?;
        }
    }
    if received != size_bytes {
        return Ok(says(StatusCode::BAD_REQUEST, "the body is not as long as it was said to be"));
    }
    Ok(match staged.publish(key, Replace::No).await? {
        Published::Yes => says(StatusCode::OK, ""),
        Published::Exists => exists(),
    })
}

fn exists() -> Response<Body> {
    says(StatusCode::PRECONDITION_FAILED, "it was sent before")
}
