//! Measures the release binaries, as six processes and as one, on a Postgres that keeps what it commits, together with
//! references that run in turn with them: machines are noisy, ratios are less so.
//!
//! - **E**: a bare tonic server that answers the same bytes as `GetPost`.
//! - **I**: a plain INSERT of a row of a post's size, through sqlx.
//!
//! What is due is published as fast as it can be; the latencies beside that are how late posts are that come due ten times
//! slower. A large file is fetched by the service, and by `curl | tee` into the same folder; the latencies beside that are how
//! long it took.
//!
//! Every target runs in each of several rounds. What counts is the median of the rounds' ratios. `postbreeze-bench NAME`
//! runs the targets whose name contains it, without ratios.

mod ingest;
mod load;
mod publishing;
mod report;
mod scene;
mod targets;

use std::{error::Error, path::Path, process::Stdio};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};
use postbreeze_tests::{
    processes::{Processes, free_ports},
    standalone::Standalone,
};
use tokio::process::Command;

use crate::{
    ingest::Ingestion,
    report::{Report, print_memory, print_peak},
    scene::Scene,
};

type Failure = Box<dyn Error + Send + Sync>;

const ROUNDS: usize = 7;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, port] = arguments.as_slice()
        && mode == "echo"
    {
        return targets::serve_echo(port.parse()?).await;
    }
    let directory = std::env::temp_dir().join(format!("postbreeze-bench-{}", std::process::id()));
    let measured = measure(&directory, arguments.first().map(String::as_str)).await;
    std::fs::remove_dir_all(&directory)?;
    measured
}

async fn measure(directory: &Path, only: Option<&str>) -> Result<(), Failure> {
    let server = EmbeddedPostgres::start(&Options {
        directory: directory.join("postgres"),
        durable: true,
        max_connections: 200,
        binaries: None,
        install: true,
    })
    .await?;
    let settings = [("POSTBREEZE_LOG", "warn"), ingest::EGRESS];
    let processes = Processes::start(server.url(), directory, &settings).await;
    let mut report = Report::default();
    print_memory(&processes);

    let port = free_ports(1)[0];
    let mut echo = Command::new(std::env::current_exe()?)
        .args(["echo", &port.to_string()])
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let standalone = Standalone::start(&directory.join("standalone")).await;
    let scene = Scene::set(&processes, &standalone, &server.url()).await?;
    let mut targets = targets::all(&processes, &scene, port)?;
    let is_wanted = |name: &str| only.is_none_or(|only| name.contains(only));
    targets.retain(|target| is_wanted(target.name));
    let ingestion = Ingestion::prepare(&processes, &scene).await;
    for round in 0..ROUNDS {
        for target in &targets {
            report.add(round, target.name, load::run(target).await?);
        }
        if is_wanted(ingest::INGEST) {
            ingestion.run(round, &scene, &mut report).await?;
        }
        if is_wanted(publishing::PUBLISH) {
            report.add(round, publishing::PUBLISH, publishing::run(&scene).await?);
        }
        report.progress(round + 1, ROUNDS);
    }
    report.print_speeds();
    print_peak(&processes);
    if only.is_none() {
        report.print_ratios();
    }
    echo.kill().await?;
    drop(processes);
    standalone.end("TERM").await;
    server.stop().await?;
    Ok(())
}
