//! A way to the server whose connections can go silent: what is sent on them is taken, and nothing comes back.

use std::{
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use postbreeze_testkit::postgres::server_url;
use sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

#[derive(Clone, Default)]
struct State {
    /// Connections of earlier times are silent.
    time: Arc<AtomicU64>,
    /// And so are new ones.
    all_silent: Arc<AtomicBool>,
}

pub(crate) struct Proxy {
    /// The server's URL by this way.
    pub(crate) url: String,
    state: State,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = PgConnectOptions::from_str(&server_url()).unwrap();
        let (host, server_port) = (server.get_host().to_owned(), server.get_port());
        let url = server_url().replace(&format!(":{server_port}"), &format!(":{port}"));
        let state = State::default();
        let accepting = state.clone();
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect((host.as_str(), server_port)).await.unwrap();
                tokio::spawn(relay(client, server, accepting.clone()));
            }
        });
        Self { url, state }
    }

    /// The connections there are go silent; new ones reach the server.
    pub(crate) fn silence(&self) {
        self.state.time.fetch_add(1, Ordering::SeqCst);
    }

    /// New connections go silent as well, or no longer do.
    pub(crate) fn silence_new(&self, silent: bool) {
        self.state.all_silent.store(silent, Ordering::SeqCst);
        self.silence();
    }
}

async fn relay(client: TcpStream, server: TcpStream, state: State) {
    let born = state.time.load(Ordering::SeqCst);
    let is_silent = move || {
        state.all_silent.load(Ordering::SeqCst) || state.time.load(Ordering::SeqCst) != born
    };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let silent = is_silent.clone();
    tokio::spawn(async move {
        let mut buffer = vec![0; 16 * 1_024];
        while let Ok(read) = from_server.read(&mut buffer).await {
            if read == 0 || !silent() && to_client.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        // Silence is no end: the client's side stays open.
        if silent() {
            std::future::pending::<()>().await;
        }
    });
    let mut buffer = vec![0; 16 * 1_024];
    while let Ok(read) = from_client.read(&mut buffer).await {
        if read == 0 || !is_silent() && to_server.write_all(&buffer[..read]).await.is_err() {
            break;
        }
    }
    // The server hears of no end either.
    if is_silent() {
        std::future::pending::<()>().await;
    }
}
