//! HTTP/1 in plain text, as those use it who send and read the bytes of media, and a server of what may be fetched.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::http1::handshake,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use postbreeze_proto::v1::{
    CompleteUploadRequest, Media, PresignUploadRequest, PresignUploadResponse,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::sleep,
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use crate::client::Client;

/// A picture of 3 by 2 pixels.
pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x03\x00\x00\x00\x02\x08\x02\x00\x00\x00\
\x12\x16\xf1M\x00\x00\x00\x10IDATx\x9cc\xf8\xcf\xc0\x00A\x0cp\x16\x00A\xd2\x05\xfb\x87\xf0\xb9H\x00\x00\x00\x00\
IEND\xaeB`\x82";

/// Sends one request on a connection of its own. Answers the status and the body.
///
/// # Panics
/// When the server cannot be reached, or does not answer.
pub async fn send(
    method: Method,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Bytes>,
) -> (u16, Bytes) {
    let uri: Uri = url.parse().expect("the URL is one");
    let authority = uri.authority().expect("the URL has a host").clone();
    let stream = TcpStream::connect(authority.as_str()).await.expect("the server is there");
    let (mut sender, connection) =
        handshake(TokioIo::new(stream)).await.expect("the server speaks HTTP");
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().expect("the URL has a path").as_str();
    let mut request =
        Request::builder().method(method).uri(path).header("host", authority.as_str());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(body.into())).expect("the request is one");
    let response = sender.send_request(request).await.expect("the server answers");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.expect("the answer ends").to_bytes();
    connection.abort();
    (status, body)
}

/// Reads a URL.
///
/// # Panics
/// As [`send`].
pub async fn get(url: &str) -> (u16, Bytes) {
    send(Method::GET, url, &[], Bytes::new()).await
}

/// Sends the bytes of a registered upload. Answers the status.
///
/// # Panics
/// As [`send`].
pub async fn put(upload: &PresignUploadResponse, bytes: impl Into<Bytes>) -> u16 {
    let headers = upload.headers.iter();
    let headers: Vec<_> = headers.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    send(Method::PUT, &upload.upload_url, &headers, bytes).await.0
}

/// The same signed URL with another signature.
///
/// # Panics
/// When it has none.
#[must_use]
pub fn tampered(url: &str) -> String {
    const NAME: &str = "signature=";
    let at = url.to_lowercase().find(NAME).expect("the URL is signed") + NAME.len();
    let other = if &url[at..=at] == "0" { "1" } else { "0" };
    format!("{}{other}{}", &url[..at], &url[at + 1..])
}

impl Client {
    /// Registers an upload to the top level.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn presign(
        &self,
        workspace_id: &str,
        filename: &str,
        content_type: &str,
        size_bytes: usize,
    ) -> Result<PresignUploadResponse, Status> {
        let request = PresignUploadRequest {
            workspace_id: workspace_id.to_owned(),
            filename: filename.to_owned(),
            content_type: content_type.to_owned(),
            size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
            ..Default::default()
        };
        Ok(self.media().presign_upload(request).await?.into_inner())
    }

    /// Completes an upload.
    ///
    /// # Errors
    /// What the system answers.
    pub async fn complete_upload(&self, media_id: &str) -> Result<Media, Status> {
        let request = CompleteUploadRequest { media_id: media_id.to_owned(), ..Default::default() };
        let answer = self.media().complete_upload(request).await?.into_inner();
        answer.media.ok_or_else(|| Status::internal("an answer without a medium"))
    }

    /// Uploads a medium, all the way.
    ///
    /// # Errors
    /// What the system answers.
    ///
    /// # Panics
    /// When the object store does not take the bytes.
    pub async fn upload(
        &self,
        workspace_id: &str,
        filename: &str,
        content_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Result<Media, Status> {
        let bytes = bytes.into();
        let upload = self.presign(workspace_id, filename, content_type, bytes.len()).await?;
        assert_eq!(put(&upload, bytes).await, 200, "the bytes are taken");
        self.complete_upload(&upload.media.unwrap_or_default().id).await
    }
}

/// What a [`Web`] answers.
#[derive(Debug, Clone)]
pub enum Page {
    /// These bytes, said to be of that type.
    Bytes(&'static str, Bytes),
    /// A redirect.
    Redirect(String),
    /// A status without a body.
    Status(u16),
    /// These bytes, and then silence.
    Endless(Bytes),
}

/// A server of pages by their paths, on this machine alone; what it does not know is not found.
pub struct Web {
    address: SocketAddr,
    pages: Pages,
    asked: Arc<AtomicUsize>,
    serving: JoinHandle<()>,
}

type Pages = Arc<Mutex<HashMap<String, Page>>>;
type Body = BoxBody<Bytes, Infallible>;

/// Far longer than any test waits.
const SILENCE: Duration = Duration::from_mins(10);

impl Web {
    /// Starts a server.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let pages = Pages::default();
        let asked = Arc::<AtomicUsize>::default();
        let serving = tokio::spawn(serve(listener, Arc::clone(&pages), Arc::clone(&asked)));
        Self { address, pages, asked, serving }
    }

    /// How often it was asked for anything.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Serves a page under a path from here on. Answers its URL.
    #[must_use]
    pub fn page(&self, path: &str, page: Page) -> String {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), page);
        format!("http://{}{path}", self.address)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, pages: Pages, asked: Arc<AtomicUsize>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (pages, asked) = (Arc::clone(&pages), Arc::clone(&asked));
        let service = service_fn(move |request: Request<Incoming>| {
            asked.fetch_add(1, Ordering::SeqCst);
            let page = pages
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get(request.uri().path())
                .cloned();
            async move { Ok::<_, Infallible>(answer(page)) }
        });
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

fn answer(page: Option<Page>) -> Response<Body> {
    let whole = |bytes: Bytes| Full::new(bytes).boxed();
    let response = Response::builder();
    let response = match page {
        None => response.status(404).body(whole(Bytes::new())),
        Some(Page::Status(status)) => response.status(status).body(whole(Bytes::new())),
        Some(Page::Redirect(to)) => {
            response.status(302).header("location", to).body(whole(Bytes::new()))
        }
        Some(Page::Bytes(kind, bytes)) => response.header("content-type", kind).body(whole(bytes)),
        Some(Page::Endless(bytes)) => response.body(endless(bytes)),
    };
    response.expect("the answer is one")
}

fn endless(bytes: Bytes) -> Body {
    let (sender, frames) = mpsc::channel(1);
    tokio::spawn(async move {
        // Whoever hangs up wants no more.
        if sender.send(Ok(Frame::data(bytes))).await.is_ok() {
            tokio::select! {
                () = sender.closed() => {}
                () = sleep(SILENCE) => {}
            }
        }
    });
    BodyExt::boxed(StreamBody::new(ReceiverStream::new(frames)))
}
