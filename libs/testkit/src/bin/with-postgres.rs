//! `with-postgres -- COMMAND…` runs a command with a throw-away Postgres in `POSTBREEZE_TEST_DATABASE_URL`.
//! `with-postgres --keep DIRECTORY -- COMMAND…` keeps the data there, and names the server in `POSTBREEZE_DATABASE_URL`.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};
use postbreeze_runtime::postgres::URL_VARIABLE as KEPT_URL_VARIABLE;
use postbreeze_testkit::postgres::URL_VARIABLE;
use secrecy::ExposeSecret as _;
use tokio::{process::Command, signal::ctrl_c};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
#[expect(clippy::print_stderr, reason = "a command's last word")]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("with-postgres: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<u8, Failure> {
    let mut arguments = std::env::args().skip(1).peekable();
    let kept = arguments.next_if_eq("--keep").and_then(|_| arguments.next()).map(PathBuf::from);
    arguments.next_if_eq("--");
    let program = arguments
        .next()
        .ok_or("usage: with-postgres [--keep DIRECTORY] -- COMMAND [ARGUMENT …]")?;
    let thrown_away =
        || std::env::temp_dir().join(format!("postbreeze-test-{}", std::process::id()));
    let server = EmbeddedPostgres::start(&Options {
        directory: kept.clone().unwrap_or_else(thrown_away),
        durable: kept.is_some(),
        max_connections: 400,
        binaries: None,
        install: true,
    })
    .await?;
    let variable = if kept.is_some() { KEPT_URL_VARIABLE } else { URL_VARIABLE };
    let mut child = Command::new(program)
        .args(arguments)
        .env(variable, server.url().expose_secret())
        .kill_on_drop(true)
        .spawn()?;
    let status = tokio::select! {
        status = child.wait() => status?,
        // The terminal tells the command itself; it ends in its own way.
        _ = ctrl_c() => child.wait().await?,
    };
    let directory = server.directory().to_owned();
    server.stop().await?;
    if kept.is_none() {
        remove(&directory);
    }
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

#[expect(clippy::print_stderr, reason = "a command's warning")]
fn remove(directory: &Path) {
    if let Err(error) = std::fs::remove_dir_all(directory) {
        eprintln!("with-postgres: {} stays behind: {error}", directory.display());
    }
}
