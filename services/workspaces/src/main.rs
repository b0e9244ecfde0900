//! The `workspaces` service as a process: `postbreeze-workspaces` serves, `postbreeze-workspaces migrate` brings its database
//! up to date.

use std::process::ExitCode;

use postbreeze_context::token::Verifier;
use postbreeze_runtime::{
    peer::Peer,
    postgres::{Database, DatabaseConfig},
    process,
    serve::ServeConfig,
};
use postbreeze_workspaces::{Config, MIGRATOR, NAME, Parts, service};

fn main() -> ExitCode {
    process::run(NAME, async |process| {
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
            identity: Peer::read(lookup, "identity")?,
        };
        let listener = process.bind(serve.listen).await?;
        process.serve(listener, service(parts)).await
    })
}
