//! A GET, of all bytes or of one range of them.

use std::{
    io::{self, SeekFrom},
    ops::RangeInclusive,
};

use futures_util::TryStreamExt as _;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, StatusCode,
    header::{
        ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, IF_RANGE,
        RANGE,
    },
};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

use super::{
    Local,
    answer::{Body, failed, says},
};
use crate::storage::{Key, disposition::attachment};

/// How much is read at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    All,
    Range(RangeInclusive<u64>),
    /// Of what is not there.
    None,
}

pub(super) async fn download(
    local: &Local,
    key: &Key,
    content_type: &str,
    filename: &str,
    request: &Request<Incoming>,
) -> Response<Body> {
    match open(local, key, request).await {
        Ok(mut response) => {
            if let Some(headers) = response.status().is_success().then_some(response.headers_mut())
            {
                describe(headers, content_type, filename);
            }
            response
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            says(StatusCode::NOT_FOUND, "there is no such object")
        }
        Err(error) => failed(&error),
    }
}

async fn open(local: &Local, key: &Key, request: &Request<Incoming>) -> io::Result<Response<Body>> {
    let mut file = File::open(local.file(key)).await?;
    let size_bytes = file.metadata().await?.len();
    let (status, range) = match part(request.headers(), size_bytes) {
        Part::All => (StatusCode::OK, None),
        Part::Range(range) => (StatusCode::PARTIAL_CONTENT, Some(range)),
        Part::None => {
            let mut response = says(StatusCode::RANGE_NOT_SATISFIABLE, "there are no such bytes");
            response.headers_mut().insert(CONTENT_RANGE, text(&format!("bytes */{size_bytes}")));
            return Ok(response);
        }
    };
    let (first, length_bytes) = match &range {
        None => (0, size_bytes),
        Some(range) => (*range.start(), range.end() - range.start() + 1),
    };
    let mut response = says(status, "");
    if *request.method() != Method::HEAD {
        file.seek(SeekFrom::Start(first)).await?;
        let bytes = ReaderStream::with_capacity(file.take(length_bytes), CHUNK_BYTES);
        *response.body_mut() = StreamBody::new(bytes.map_ok(Frame::data)).boxed_unsync();
    }
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length_bytes.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Some(range) = range {
        let range = format!("bytes {}-{}/{size_bytes}", range.start(), range.end());
        headers.insert(CONTENT_RANGE, text(&range));
    }
    Ok(response)
}

fn describe(headers: &mut HeaderMap, content_type: &str, filename: &str) {
    headers.insert(CONTENT_TYPE, text(content_type));
    headers.insert(CONTENT_DISPOSITION, text(&attachment(filename)));
}

/// A header of ours, which is never anything but plain text.
fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}

/// The one range a request asks for. What is no such range is not heeded, as HTTP wants it, nor is one that depends on a
/// version: objects have none.
fn part(headers: &HeaderMap, size_bytes: u64) -> Part {
    let asked = headers.get(RANGE).filter(|_| !headers.contains_key(IF_RANGE));
    let asked =
        asked.and_then(|range| range.to_str().ok()?.strip_prefix("bytes=")?.split_once('-'));
    let asked = asked.and_then(|(first, last)| number(first).zip(number(last)));
    let end = size_bytes.saturating_sub(1);
    match asked {
        None | Some((None, None)) => Part::All,
        Some((Some(first), Some(last))) if last < first => Part::All,
        Some((Some(first), last)) if first < size_bytes => {
            Part::Range(first..=last.unwrap_or(end).min(end))
        }
        // The last bytes.
        Some((None, Some(count))) if count > 0 && size_bytes > 0 => {
            Part::Range(size_bytes.saturating_sub(count)..=end)
        }
        Some(_) => Part::None,
    }
}

/// Nothing, or digits alone. More than fit are as many as fit.
fn number(text: &str) -> Option<Option<u64>> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| (!text.is_empty()).then(|| text.parse().unwrap_or(u64::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: &str, size_bytes: u64) -> Part {
        let headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_str(range).unwrap())]);
        part(&headers, size_bytes)
    }

    #[test]
    fn a_range_is_cut_to_what_is_there() {
        assert_eq!(of("bytes=0-0", 10), Part::Range(0..=0));
        assert_eq!(of("bytes=3-99", 10), Part::Range(3..=9));
        assert_eq!(of("bytes=3-", 10), Part::Range(3..=9));
        assert_eq!(of("bytes=-3", 10), Part::Range(7..=9));
        assert_eq!(of("bytes=-30", 10), Part::Range(0..=9));
        assert_eq!(of("bytes=0-99999999999999999999999", 10), Part::Range(0..=9));
    }

    #[test]
    fn a_range_of_nothing_is_none() {
        assert_eq!(of("bytes=10-", 10), Part::None);
        assert_eq!(of("bytes=10-11", 10), Part::None);
        assert_eq!(of("bytes=-0", 10), Part::None);
        assert_eq!(of("bytes=-1", 0), Part::None);
        assert_eq!(of("bytes=0-", 0), Part::None);
    }

    #[test]
    fn what_is_no_single_range_is_not_heeded() {
        for range in ["bytes=", "bytes=-", "bytes=a-", "bytes=5-4", "bytes=0-1,3-4", "items=0-1"] {
            assert_eq!(of(range, 10), Part::All, "{range}");
        }
        assert_eq!(of("bytes=20-x", 10), Part::All);
        let mut headers = HeaderMap::from_iter([(RANGE, HeaderValue::from_static("bytes=0-1"))]);
        headers.insert(IF_RANGE, HeaderValue::from_static("\"version\""));
        assert_eq!(part(&headers, 10), Part::All);
    }
}
