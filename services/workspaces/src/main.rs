//! The workspaces service as a process: `postbreeze-workspaces` serves, `postbreeze-workspaces migrate` makes its schema.

use std::process::ExitCode;

use postbreeze_context::token::Verifier;
use postbreeze_runtime::{
    peer::Peer,
    postgres::{Database, DatabaseConfig},
    process::{self, Failure, Process},
    serve::ServeConfig,
};
use postbreeze_workspaces::{Config, MIGRATOR, NAME, Parts, service};

const IDENTITY_URL: &str = "POSTBREEZE_IDENTITY_URL";

fn main() -> ExitCode {
    process::run("postbreeze-workspaces", run)
}

async fn run(process: Process) -> Result<(), Failure> {
    let lookup = &process.lookup;
    let database = Database::new(DatabaseConfig::read(lookup, NAME)?, &MIGRATOR)?;
    if process.is_migration() {
        return Ok(database.migrate().await?);
    }
    let serve = ServeConfig::read(lookup, "127.0.0.1:50062")?;
    let parts = Parts {
        config: Config::read(lookup)?,
        environment: process.environment.clone(),
        database,
        verifier: Verifier::read(lookup, NAME, process.environment.clock.clone())?,
        limits: serve.limits,
        identity: Peer::at("identity", IDENTITY_URL, &lookup.required(IDENTITY_URL)?)?,
    };
    let listener = process.bind(serve.listen).await?;
    process.serve(listener, service(parts)).await
}
