//! A Postgres server for one test alone, so that it may be stopped.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::watch,
};
use url::Url;

/// A directory of a test, removed when it ends.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("postbreeze-{test}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary folder anyway.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Starts a server, or starts it again on the same data.
pub(crate) async fn postgres(directory: &Directory) -> EmbeddedPostgres {
    let options = Options {
        directory: directory.path().join("postgres"),
        durable: true,
        max_connections: 200,
        binaries: None,
        install: true,
    };
    EmbeddedPostgres::start(&options).await.unwrap()
}

/// One address at which whichever server is running can be reached: a server chooses another port each time it starts, and
/// processes are told theirs once.
pub(crate) struct Address {
    own: SocketAddr,
    server: watch::Sender<SocketAddr>,
}

impl Address {
    /// An address that leads to a server.
    pub(crate) async fn of(server: &EmbeddedPostgres) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap();
        let (sender, receiver) = watch::channel(socket(server));
        tokio::spawn(async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let server = *receiver.borrow();
                tokio::spawn(async move {
                    // Where no server is, the connection ends, as a refused one does.
                    if let Ok(mut server) = TcpStream::connect(server).await {
                        drop(copy_bidirectional(&mut client, &mut server).await);
                    }
                });
            }
        });
        Self { own, server: sender }
    }

    /// Leads to another server from here on.
    pub(crate) fn lead_to(&self, server: &EmbeddedPostgres) {
        self.server.send_replace(socket(server));
    }

    /// The URL of a server, with this address in the place of its own.
    pub(crate) fn url(&self, server: &EmbeddedPostgres) -> SecretString {
        let mut url: Url = server.url().expose_secret().parse().unwrap();
        url.set_host(Some(&self.own.ip().to_string())).unwrap();
        url.set_port(Some(self.own.port())).unwrap();
        String::from(url).trim_end_matches('/').to_owned().into()
    }
}

fn socket(server: &EmbeddedPostgres) -> SocketAddr {
    let url: Url = server.url().expose_secret().parse().unwrap();
    url.socket_addrs(|| None).unwrap()[0]
}
