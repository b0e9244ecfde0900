//! Starts, stops and crashes of a real server.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

use std::{path::Path, process::Command};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Error, Options};
use secrecy::ExposeSecret as _;
use sqlx::{Connection as _, PgConnection};

fn options(name: &str) -> Options {
    let directory = std::env::temp_dir().join(format!("postbreeze-{name}-{}", std::process::id()));
    Options { directory, durable: false, max_connections: 20, binaries: None, install: true }
}

async fn connect(server: &EmbeddedPostgres) -> PgConnection {
    let url = format!("{}/postgres", server.url().expose_secret());
    PgConnection::connect(&url).await.unwrap()
}

async fn write(server: &EmbeddedPostgres) {
    let mut connection = connect(server).await;
    sqlx::query("CREATE TABLE kept AS SELECT 7 AS value").execute(&mut connection).await.unwrap();
}

async fn read(server: &EmbeddedPostgres) -> i32 {
    let mut connection = connect(server).await;
    sqlx::query_scalar("SELECT value FROM kept").fetch_one(&mut connection).await.unwrap()
}

fn is_alive(pid: u32) -> bool {
    // A zombie is not alive: it waits for its parent to take note.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn kill_9(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn clean(directory: &Path) {
    std::fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_second_start_finds_the_data_of_the_first() {
    let options = options("second");
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    write(&server).await;
    let pid = server.pid().unwrap();
    server.stop().await.unwrap();
    assert!(!is_alive(pid));
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    assert_eq!(read(&server).await, 7);
    let directory = server.directory().to_owned();
    server.stop().await.unwrap();
    clean(&directory);
}

#[tokio::test]
async fn a_server_that_was_killed_recovers() {
    // What was committed must have been written, or there would be nothing to recover.
    let options = Options { durable: true, ..options("killed") };
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    write(&server).await;
    kill_9(server.pid().unwrap());
    drop(server);
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    assert_eq!(read(&server).await, 7);
    let directory = server.directory().to_owned();
    server.stop().await.unwrap();
    clean(&directory);
}

#[tokio::test]
async fn data_that_another_process_uses_is_left_alone() {
    let options = options("used");
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    assert!(matches!(EmbeddedPostgres::start(&options).await, Err(Error::InUse(_))));
    let directory = server.directory().to_owned();
    server.stop().await.unwrap();
    clean(&directory);
}

#[tokio::test]
async fn a_cluster_whose_making_was_cut_short_is_made_anew() {
    let options = options("half");
    std::fs::create_dir_all(options.directory.join("data.new/base")).unwrap();
    let server = EmbeddedPostgres::start(&options).await.unwrap();
    write(&server).await;
    let directory = server.directory().to_owned();
    server.stop().await.unwrap();
    clean(&directory);
}
