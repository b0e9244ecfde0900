//! Media of the tests: rows of the library, and a web server with files to fetch.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use postbreeze_ids::{MediaId, UserId, WorkspaceId};
use postbreeze_proto::v1::{
    DeleteMediaRequest, ListMediaRequest, MediaKind, media_service_client::MediaServiceClient,
};
use postbreeze_runtime::Environment;
use postbreeze_testkit::{Client, System};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    sync::watch,
};
use tonic::Status;

/// Two by two pixels.
const PNG: &[u8] =
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x02\0\0\0\x02\x08\x02\0\0\0\xfd\xd4\x9as\0\0\0\x10IDAT\
    x\x9ccPh8\0D\x0c\x10\n\0$\x0e\x05\x81|\x07Gt\0\0\0\0IEND\xaeB`\x82";

/// `MediaService`.
pub(crate) fn library(client: &Client) -> MediaServiceClient<Client> {
    MediaServiceClient::new(client.clone())
}

/// Puts a READY medium into a workspace's library, without its bytes. Answers its id.
pub(crate) async fn add_media(
    system: &System,
    workspace_id: &str,
    kind: MediaKind,
    alt_text: &str,
) -> String {
    let workspace_id: WorkspaceId = workspace_id.parse().unwrap();
    let minter = Environment::new(system.clock.clock()).minter;
    let id: MediaId = minter.mint(workspace_id.bucket());
    let owner: UserId = minter.mint(workspace_id.bucket());
    sqlx::query(
        "INSERT INTO media (
            bucket, id, workspace_id, filename, filename_folded, kind, status, content_type, size_bytes, alt_text,
            has_thumbnail, charged_owner_user_id, charged_bytes, create_time, update_time
        )
        VALUES ($1, $2, $3, 'x', 'x', $4, 'ready', $8, 1, $5, FALSE, $6, 0, $7, $7)",
    )
    .bind(id.bucket().as_i16())
    .bind(id.uuid())
    .bind(workspace_id.uuid())
    .bind(i16::try_from(i32::from(kind)).unwrap())
    .bind(alt_text)
    .bind(owner.uuid())
    .bind(system.clock.now())
    .bind(match kind {
        MediaKind::Video => "video/mp4",
        MediaKind::Document => "application/pdf",
        MediaKind::Image | MediaKind::Unspecified => "image/jpeg",
    })
    .execute(system.pool("media"))
    .await
    .unwrap();
    id.to_string()
}

/// An image of a workspace.
pub(crate) async fn add_image(system: &System, workspace_id: &str) -> String {
    add_media(system, workspace_id, MediaKind::Image, "").await
}

/// Makes a medium one whose bytes are awaited.
pub(crate) async fn await_upload(system: &System, media_id: &str) {
    let id: MediaId = media_id.parse().unwrap();
    let done = sqlx::query("UPDATE media SET status = 'pending_upload' WHERE id = $1")
        .bind(id.uuid())
        .execute(system.pool("media"))
        .await
        .unwrap();
    assert_eq!(done.rows_affected(), 1);
}

pub(crate) async fn delete_media(client: &Client, media_id: &str) -> Result<(), Status> {
    let request = DeleteMediaRequest { media_id: media_id.to_owned(), ..Default::default() };
    library(client).delete_media(request).await.map(drop)
}

/// The ids of all that a library shows, newest first.
pub(crate) async fn media_of(client: &Client, workspace_id: &str) -> Vec<String> {
    let request = ListMediaRequest { workspace_id: workspace_id.to_owned(), ..Default::default() };
    let answer = library(client).list_media(request).await.unwrap().into_inner();
    answer.media.into_iter().map(|medium| medium.id).collect()
}

/// A web server. `/png/…` is an image, `/held/…` is one once it is let go, `/text` is none, `/silence` is never answered, and
/// anything else is not found.
pub(crate) struct Web {
    address: String,
    asked: Arc<AtomicUsize>,
    goes: watch::Sender<bool>,
}

impl Web {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::<AtomicUsize>::default();
        let (goes, gone) = watch::channel(false);
        let counter = Arc::clone(&asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (counter, mut gone) = (Arc::clone(&counter), gone.clone());
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await?);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let path = head.split(' ').nth(1).unwrap_or_default();
                    counter.fetch_add(1, Ordering::SeqCst);
                    if path.starts_with("/held/") && gone.wait_for(|gone| *gone).await.is_err() {
                        return Ok(());
                    }
                    if path == "/silence" {
                        std::future::pending::<()>().await;
                    }
                    let (status, body) = match path {
                        "/text" => ("200 OK", b"just words".as_slice()),
                        path if path.starts_with("/png/") || path.starts_with("/held/") => {
                            ("200 OK", PNG)
                        }
                        _ => ("404 Not Found", b"".as_slice()),
                    };
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
                    );
                    stream.write_all(answer.as_bytes()).await?;
                    stream.write_all(body).await?;
                    stream.shutdown().await
                });
            }
        });
        Self { address, asked, goes }
    }

    /// How often it was asked for anything.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Lets go what is held.
    pub(crate) fn let_go(&self) {
        self.goes.send_replace(true);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }
}
