//! Everything in one process, as `make run` starts it.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    time::{Duration, Instant},
};

use postbreeze_proto::v1::{SignInRequest, SignUpRequest};
use postbreeze_runtime::{BoxService, peer::Peer};
use postbreeze_testkit::{Client, PASSWORD};
use postbreeze_tests::{
    example,
    processes::{binaries, free_ports, send_signal},
};
use tokio::process::{Child, Command};

use crate::server::Directory;

const PATIENCE: Duration = Duration::from_secs(40);

struct Standalone {
    child: Child,
    port: u16,
}

impl Standalone {
    fn launch(directory: &Path, port: u16) -> Child {
        Command::new(binaries().join("postbreeze-standalone"))
            .env_remove("POSTBREEZE_DATABASE_URL")
            .env("POSTBREEZE_LISTEN", format!("127.0.0.1:{port}"))
            .env("POSTBREEZE_DATA_DIR", directory)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    async fn start(directory: &Path) -> Self {
        let port = free_ports(1)[0];
        let child = Self::launch(directory, port);
        let standalone = Self { child, port };
        let until = Instant::now() + PATIENCE;
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err()
            || standalone
                .client()
                .users()
                .sign_in(SignInRequest::default())
                .await
                .is_err_and(|status| status.code() == tonic::Code::Unavailable)
        {
            assert!(Instant::now() < until, "the system does not serve");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        standalone
    }

    fn service(&self) -> BoxService {
        let address = format!("http://127.0.0.1:{}", self.port);
        BoxService::new(Peer::at("aggregator", "address", &address).unwrap())
    }

    fn client(&self) -> Client {
        Client::new(self.service(), None)
    }

    async fn end(mut self, signal: &str) -> ExitStatus {
        send_signal(signal, self.child.id().unwrap()).await;
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends").unwrap()
    }
}

/// Processes that were started with something of this directory.
async fn processes_of(directory: &Path) -> String {
    let found =
        Command::new("pgrep").args(["-af", &directory.display().to_string()]).output().await;
    String::from_utf8(found.unwrap().stdout).unwrap()
}

async fn nothing_is_left(directory: &Path) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = processes_of(directory).await;
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < until, "still running:\n{left}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn ann(password: &str) -> SignUpRequest {
    SignUpRequest {
        email: "ann@example.com".to_owned(),
        password: password.to_owned(),
        display_name: "Ann".to_owned(),
    }
}

fn ann_again() -> SignInRequest {
    SignInRequest { email: "ann@example.com".to_owned(), password: PASSWORD.to_owned() }
}

#[tokio::test]
async fn it_starts_ends_starts_again_with_its_data_and_recovers_from_a_kill() {
    let directory = Directory::new("standalone");
    let first = Standalone::start(directory.path()).await;
    first.client().users().sign_up(ann(PASSWORD)).await.unwrap();
    example::play(&postbreeze_testkit::Front::new(first.service())).await;
    let ended = first.end("INT").await;
    assert!(ended.success(), "{ended}");
    nothing_is_left(directory.path()).await;

    let second = Standalone::start(directory.path()).await;
    second.client().users().sign_in(ann_again()).await.unwrap();
    second.end("KILL").await;
    nothing_is_left(directory.path()).await;

    let third = Standalone::start(directory.path()).await;
    third.client().users().sign_in(ann_again()).await.unwrap();
    assert!(third.end("TERM").await.success());
    nothing_is_left(directory.path()).await;
}

#[tokio::test]
async fn it_tells_how_to_begin_and_that_a_port_is_taken() {
    let directory = Directory::new("taken");
    let first = Standalone::start(directory.path()).await;
    let other = Directory::new("taken-too");
    let second = Standalone::launch(other.path(), first.port).wait_with_output().await.unwrap();
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("127.0.0.1:{}", first.port)), "{told}");
    assert!(!other.path().join("postgres").exists(), "it started a database for nothing");

    let port = first.port;
    send_signal("INT", first.child.id().unwrap()).await;
    let output = first.child.wait_with_output().await.unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
    assert!(told.contains("UserService/SignUp") && told.contains("CreateApiKey"), "{told}");
    nothing_is_left(directory.path()).await;
}
