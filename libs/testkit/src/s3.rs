//! An S3 server on this machine that verifies signatures, for one test, on a directory that goes with it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use http::{Method, Request, StatusCode, header::AUTHORIZATION};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use s3s::{
    HttpResponse,
    auth::SimpleAuth,
    config::{S3Config, StaticConfigProvider},
    service::{S3Service, S3ServiceBuilder},
};
use s3s_fs::FileSystem;
use tokio::{net::TcpListener, task::JoinHandle};

use crate::{directory::Directory, gate::Gate};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const BUCKET: &str = "media";
const PREFIX: &str = "library";
const ACCESS_KEY: &str = "an-access-key";
const SECRET_KEY: &str = "a secret of S3";
/// The server's clock is the machine's: what services sign whose clock was turned on is of a day to come.
const AHEAD_SECS: u32 = 400 * 24 * 60 * 60;

/// A server with one bucket.
pub struct S3 {
    directory: Directory,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

impl S3 {
    /// Starts a server.
    ///
    /// # Panics
    /// When it cannot: a test has nothing to do then.
    pub async fn start() -> Self {
        Self::start_behind(Gate::open().into()).await
    }

    /// Starts a server behind a gate for the requests of those who have its secret; those by signed URLs pass beside it.
    ///
    /// # Panics
    /// When it cannot: a test has nothing to do then.
    pub async fn start_behind(gate: Arc<Gate>) -> Self {
        let directory = Directory::new("s3");
        fs::create_dir(directory.path().join(BUCKET)).expect("a bucket can be made");
        let files = FileSystem::new(directory.path()).expect("the directory is there");
        let mut config = S3Config::default();
        config.presigned_url_max_skew_time_secs = AHEAD_SECS;
        let mut builder = S3ServiceBuilder::new(files);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, SECRET_KEY));
        builder.set_config(Arc::new(StaticConfigProvider::new(config.into())));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let server = Server { s3: builder.build(), directory: directory.path().to_owned(), gate };
        Self { directory, address, serving: tokio::spawn(serve(listener, server.into())) }
    }

    /// Where it is.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The settings with which the media service keeps its bytes here.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 4] {
        [
            ("POSTBREEZE_MEDIA_STORE", format!("s3://{BUCKET}/{PREFIX}")),
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY.to_owned()),
            ("AWS_ENDPOINT_URL", self.endpoint()),
        ]
    }

    /// The directory in which it keeps everything, among it notes of its own.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The keys of all objects, as the media service calls them, in order.
    #[must_use]
    pub fn objects(&self) -> Vec<String> {
        let library = self.directory.path().join(BUCKET).join(PREFIX);
        let mut keys: Vec<String> = names(&library)
            .flat_map(|workspace| {
                names(&library.join(&workspace)).map(move |name| format!("{workspace}/{name}"))
            })
            .collect();
        keys.sort();
        keys
    }

    /// The ids of uploads in parts that were neither completed nor aborted.
    #[must_use]
    pub fn uploads(&self) -> Vec<String> {
        let id = |note: String| Some(note.strip_prefix(NOTE)?.strip_suffix(NOTE_END)?.to_owned());
        names(self.directory.path()).filter_map(id).collect()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The names in a folder, if there is one.
fn names(folder: &Path) -> impl Iterator<Item = String> + use<> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned())
}

/// What the server calls its note of an upload in parts, before and after the id.
const NOTE: &str = ".upload-";
const NOTE_END: &str = ".json";

struct Server {
    s3: S3Service,
    directory: PathBuf,
    gate: Arc<Gate>,
}

impl Server {
    async fn answer(&self, request: Request<Incoming>) -> Result<HttpResponse, BoxError> {
        if !request.headers().contains_key(AUTHORIZATION) {
            return Ok(self.s3.call(request.map(s3s::Body::from)).await?);
        }
        let line = format!("{} {}", request.method(), request.uri());
        self.gate.pass(&line, self.do_it(request)).await?
    }

    async fn do_it(&self, request: Request<Incoming>) -> Result<HttpResponse, BoxError> {
        let note = aborted(&request).map(|id| format!("{NOTE}{id}{NOTE_END}"));
        let is_known = note.is_none_or(|note| self.directory.join(note).exists());
        let mut answer = self.s3.call(request.map(s3s::Body::from)).await?;
        // This server forbids what S3 does not find.
        if !is_known && answer.status() == StatusCode::FORBIDDEN {
            *answer.status_mut() = StatusCode::NOT_FOUND;
        }
        Ok(answer)
    }
}

async fn serve(listener: TcpListener, server: Arc<Server>) {
    while let Ok((stream, _)) = listener.accept().await {
        let server = Arc::clone(&server);
        let service = service_fn(move |request| {
            let server = Arc::clone(&server);
            async move { server.answer(request).await }
        });
        let mut connection = http1::Builder::new();
        connection.half_close(true);
        tokio::spawn(connection.serve_connection(TokioIo::new(stream), service));
    }
}

/// The id of the upload in parts that a request aborts.
fn aborted(request: &Request<Incoming>) -> Option<&str> {
    if request.method() != Method::DELETE {
        return None;
    }
    request.uri().query()?.split('&').find_map(|pair| pair.strip_prefix("uploadId="))
}
