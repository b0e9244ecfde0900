//! A store of each kind, in process, and a client.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_ids::{Bucket, MediaId, Minter, WorkspaceId};
use postbreeze_media::storage::{Key, Presigned, Storage, StorageConfig};
use postbreeze_runtime::{clock::Clock, config::Lookup};
use postbreeze_testkit::{Directory, S3};
use reqwest::{Method, Response, StatusCode};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

pub const PNG: &str = "image/png";
pub const EXPIRES_AFTER: TimeDelta = TimeDelta::minutes(15);

/// Declares a test of each function on each kind of store.
macro_rules! on_every_store {
    ($($name:ident),* $(,)?) => {
        mod on_a_directory {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Store::directory().await).await;
            })*
        }
        mod on_s3 {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(crate::support::Store::s3().await).await;
            })*
        }
    };
}

/// What a store keeps its objects in.
enum Behind {
    Directory(Directory),
    S3(S3),
}

fn files(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// A store that is served, and its client.
pub struct Store {
    pub storage: Storage,
    pub http: reqwest::Client,
    behind: Behind,
    pub minter: Minter,
    /// Seconds by which the store's own clock is ahead.
    ahead: Arc<AtomicI64>,
    /// Ends the HTTP side of a directory.
    pub stopping: CancellationToken,
}

impl Store {
    pub async fn directory() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let directory = Directory::new("storage");
        let public = format!("http://{}/bytes", listener.local_addr().unwrap());
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", format!("file://{}", directory.path().display())),
            ("POSTBREEZE_MEDIA_URL_KEY", "a key that signs URLs".to_owned()),
            ("POSTBREEZE_MEDIA_PUBLIC_URL", public),
        ];
        let store = Self::open(settings, Behind::Directory(directory));
        let http = store.storage.http().unwrap();
        tokio::spawn(http.serve(listener, store.stopping.clone()));
        store
    }

    pub async fn s3() -> Self {
        let s3 = S3::start().await;
        Self::open(s3.settings(), Behind::S3(s3))
    }

    fn open<const N: usize>(settings: [(&str, String); N], behind: Behind) -> Self {
        let ahead = Arc::new(AtomicI64::new(0));
        let clock = {
            let (ahead, system) = (Arc::clone(&ahead), Clock::system());
            Clock::from_source(Arc::new(move || {
                system.now() + TimeDelta::seconds(ahead.load(Ordering::SeqCst))
            }))
        };
        Self {
            storage: open(settings, clock),
            http: reqwest::Client::new(),
            behind,
            minter: minter(),
            ahead,
            stopping: CancellationToken::new(),
        }
    }

    pub fn key(&self) -> Key {
        key(&self.minter)
    }

    pub fn is_directory(&self) -> bool {
        matches!(self.behind, Behind::Directory(_))
    }

    /// Where it keeps what it has.
    pub fn path(&self) -> &Path {
        match &self.behind {
            Behind::Directory(directory) => directory.path(),
            Behind::S3(s3) => s3.directory(),
        }
    }

    /// How many bytes lie in all its files.
    pub fn size_bytes(&self) -> u64 {
        files(self.path()).iter().map(|file| file.metadata().unwrap().len()).sum()
    }

    /// Turns the clock of the store, but not that of an S3 server.
    pub fn turn(&self, by: TimeDelta) {
        self.ahead.fetch_add(by.num_seconds(), Ordering::SeqCst);
    }

    pub fn expire_time(&self) -> DateTime<Utc> {
        Clock::system().now()
            + TimeDelta::seconds(self.ahead.load(Ordering::SeqCst))
            + EXPIRES_AFTER
    }

    pub async fn presign_put(&self, key: &Key, size_bytes: usize) -> Presigned {
        let size_bytes = size_bytes as u64;
        self.storage.presign_put(key, PNG, size_bytes, self.expire_time()).await.unwrap()
    }

    pub async fn presign_get(&self, key: &Key) -> String {
        self.storage.presign_get(key, PNG, "a \"ß\".png", self.expire_time()).await.unwrap()
    }

    /// Sends a PUT with its headers.
    pub async fn put(&self, put: &Presigned, body: impl Into<reqwest::Body>) -> StatusCode {
        send(&self.http, put, body.into()).await.status()
    }

    pub async fn get(&self, url: &str) -> Response {
        self.http.get(url).send().await.unwrap()
    }

    /// Puts an object there as a client does.
    pub async fn uploaded(&self, bytes: &'static [u8]) -> Key {
        let key = self.key();
        let put = self.presign_put(&key, bytes.len()).await;
        assert_eq!(self.put(&put, bytes).await, StatusCode::OK);
        key
    }

    /// Sends bytes as they are, says that there are no more, and reads what comes back until it ends.
    pub async fn send_raw(&self, url: &str, bytes: &[u8]) -> String {
        let mut stream = connect(url).await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // A server may cut such a connection.
        drop(stream.read_to_end(&mut answer).await);
        String::from_utf8_lossy(&answer).into_owned()
    }
}

pub async fn connect(url: &str) -> TcpStream {
    let url: url::Url = url.parse().unwrap();
    TcpStream::connect((url.host_str().unwrap(), url.port().unwrap())).await.unwrap()
}

pub fn open<const N: usize>(settings: [(&str, String); N], clock: Clock) -> Storage {
    let pairs = settings.map(|(name, value)| (name.to_owned(), value));
    let config = StorageConfig::read(&Lookup::new(pairs)).unwrap();
    Storage::open(&config, clock).unwrap()
}

/// A client of an S3 server that is somewhere.
pub fn s3(endpoint: &str) -> Storage {
    let settings = [
        ("POSTBREEZE_MEDIA_STORE", "s3://media".to_owned()),
        ("AWS_ACCESS_KEY_ID", "an-access-key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "a secret of S3".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
    ];
    open(settings, Clock::system())
}

pub fn minter() -> Minter {
    Minter::new(Arc::new(|| 1_790_000_000_000))
}

pub fn key(minter: &Minter) -> Key {
    let workspace: WorkspaceId = minter.mint(Bucket::new(7).unwrap());
    let medium: MediaId = minter.mint(workspace.bucket());
    Key::of_medium(workspace, medium)
}

pub async fn send(http: &reqwest::Client, put: &Presigned, body: reqwest::Body) -> Response {
    let mut request = http.request(Method::PUT, &put.url);
    for (name, value) in &put.headers {
        request = request.header(name, value);
    }
    request.body(body).send().await.unwrap()
}

/// The head of a PUT, with its headers and these changes of them.
pub fn head(put: &Presigned, changes: &[(&str, Option<&str>)]) -> String {
    let url: url::Url = put.url.parse().unwrap();
    let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
    let line = format!("PUT {}?{} HTTP/1.1\r\n", url.path(), url.query().unwrap());
    let kept = put.headers.iter().map(|(name, value)| (&**name, &**value));
    let kept = kept.filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let changed = changes.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
    let headers = kept.chain(changed).map(|(name, value)| format!("{name}: {value}\r\n"));
    format!("{line}host: {host}:{port}\r\n{}\r\n", headers.collect::<String>())
}

/// A body of that many bytes that are never in memory at once.
pub fn streamed(size_bytes: usize) -> reqwest::Body {
    static CHUNK: [u8; 64 * 1024] = [7; 64 * 1024];
    let chunks = (0..size_bytes.div_ceil(CHUNK.len())).map(move |i| {
        let length = CHUNK.len().min(size_bytes - i * CHUNK.len());
        Ok::<_, std::io::Error>(Bytes::from_static(&CHUNK[..length]))
    });
    reqwest::Body::wrap_stream(futures_util::stream::iter(chunks))
}

/// The most memory this process has had, in bytes.
pub fn peak_memory_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
