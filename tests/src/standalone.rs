//! Everything in one process, as `make run` starts it, on a Postgres that it brings along.

use std::{
    path::Path,
    process::{ExitStatus, Output, Stdio},
    time::{Duration, Instant},
};

use postbreeze_runtime::{BoxService, peer::Peer};
use postbreeze_testkit::Front;
use tokio::process::{Child, Command};
use tonic::transport::Endpoint;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use crate::processes::{binaries, free_ports, send_signal};

const PATIENCE: Duration = Duration::from_secs(40);
const ASK_EVERY: Duration = Duration::from_millis(50);

/// A running system.
pub struct Standalone {
    child: Child,
    port: u16,
}

impl Standalone {
    /// Starts the process; does not wait for it.
    ///
    /// # Panics
    /// When it cannot be started.
    #[must_use]
    pub fn launch(directory: &Path, port: u16) -> Self {
        let child = Command::new(binaries().join("postbreeze-standalone"))
            .env_remove("POSTBREEZE_DATABASE_URL")
            .env("POSTBREEZE_LISTEN", format!("127.0.0.1:{port}"))
            .env("POSTBREEZE_MEDIA_LISTEN", format!("127.0.0.1:{}", free_ports(1)[0]))
            .env("POSTBREEZE_DATA_DIR", directory)
            .env("POSTBREEZE_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the system can be started");
        Self { child, port }
    }

    /// Starts the process on a free port, and waits until it is ready.
    ///
    /// # Panics
    /// When it cannot be started, or takes too long.
    pub async fn start(directory: &Path) -> Self {
        let standalone = Self::launch(directory, free_ports(1)[0]);
        let until = Instant::now() + PATIENCE;
        while !standalone.is_ready().await {
            assert!(Instant::now() < until, "the system does not become ready");
            tokio::time::sleep(ASK_EVERY).await;
        }
        standalone
    }

    async fn is_ready(&self) -> bool {
        let endpoint = Endpoint::from_shared(self.address()).expect("the address is one");
        let Ok(channel) = endpoint.connect().await else { return false };
        let asked = HealthClient::new(channel).check(HealthCheckRequest::default()).await;
        asked.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The system through its one door.
    ///
    /// # Panics
    /// Never: the address is one.
    #[must_use]
    pub fn front(&self) -> Front {
        let peer = Peer::at("aggregator", "address", &self.address()).expect("the address is one");
        Front::new(BoxService::new(peer))
    }

    /// Where it listens.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its process.
    ///
    /// # Panics
    /// When it has ended.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id().expect("the system runs")
    }

    /// Sends a signal, and waits until the process has ended.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn end(mut self, signal: &str) -> ExitStatus {
        send_signal(signal, self.pid()).await;
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        ended.expect("it ends in time").expect("its end can be waited for")
    }

    /// Waits until the process has ended by itself, for what it has said.
    ///
    /// # Panics
    /// When it does not end in time.
    pub async fn output(self) -> Output {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait_with_output()).await;
        ended.expect("it ends in time").expect("its end can be waited for")
    }
}
