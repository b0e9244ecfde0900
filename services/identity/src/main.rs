//! The `identity` service as a process: `postbreeze-identity` serves, `postbreeze-identity migrate` brings its database up
//! to date.

use std::process::ExitCode;

use postbreeze_context::token::Verifier;
use postbreeze_identity::{Config, MIGRATOR, Parts, service};
use postbreeze_runtime::{
    peer::Peer,
    postgres::{Database, DatabaseConfig},
    process,
    serve::ServeConfig,
};

fn main() -> ExitCode {
    process::run("identity", async |process| {
        let lookup = &process.lookup;
        let database = Database::new(DatabaseConfig::read(lookup, "identity")?, &MIGRATOR)?;
        if process.is_migration() {
            return Ok(database.migrate().await?);
        }
        let serve = ServeConfig::read(lookup, "127.0.0.1:50061")?;
        let parts = Parts {
            config: Config::read(lookup)?,
            environment: process.environment.clone(),
            database,
            verifier: Verifier::read(lookup, "identity", process.environment.clock.clone())?,
            limits: serve.limits,
            workspaces: Peer::read(lookup, "workspaces")?,
        };
        let listener = process.bind(serve.listen).await?;
        process.serve(listener, service(parts)).await
    })
}
