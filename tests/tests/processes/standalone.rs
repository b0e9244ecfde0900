//! Everything in one process, as `make run` starts it.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use postbreeze_proto::v1::{SignInRequest, SignUpRequest};
use postbreeze_testkit::PASSWORD;
use postbreeze_tests::{example, processes::send_signal, standalone::Standalone};
use tokio::process::Command;

use crate::server::Directory;

const PATIENCE: Duration = Duration::from_secs(40);

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
    first.front().client(None).users().sign_up(ann(PASSWORD)).await.unwrap();
    example::play(&first.front()).await;
    let ended = first.end("INT").await;
    assert!(ended.success(), "{ended}");
    nothing_is_left(directory.path()).await;

    let second = Standalone::start(directory.path()).await;
    second.front().client(None).users().sign_in(ann_again()).await.unwrap();
    second.end("KILL").await;
    nothing_is_left(directory.path()).await;

    let third = Standalone::start(directory.path()).await;
    third.front().client(None).users().sign_in(ann_again()).await.unwrap();
    assert!(third.end("TERM").await.success());
    nothing_is_left(directory.path()).await;
}

#[tokio::test]
async fn it_tells_how_to_begin_and_that_a_port_is_taken() {
    let directory = Directory::new("taken");
    let first = Standalone::start(directory.path()).await;
    let other = Directory::new("taken-too");
    let second = Standalone::launch(other.path(), first.port()).output().await;
    assert_eq!(second.status.code(), Some(1));
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(told.contains(&format!("127.0.0.1:{}", first.port())), "{told}");
    assert!(!other.path().join("postgres").exists(), "it started a database for nothing");

    let port = first.port();
    send_signal("INT", first.pid()).await;
    let output = first.output().await;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.contains(&format!("127.0.0.1:{port}")), "{told}");
    assert!(told.contains("UserService/SignUp") && told.contains("CreateApiKey"), "{told}");
    nothing_is_left(directory.path()).await;
}
