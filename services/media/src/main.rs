//! The `media` service as a process: `postbreeze-media` serves, `postbreeze-media migrate` brings its database up to date.

use std::process::ExitCode;

use postbreeze_context::token::Verifier;
use postbreeze_media::{MIGRATOR, Parts, service};
use postbreeze_runtime::{
    peer::Peer,
    postgres::{Database, DatabaseConfig},
    process,
    serve::ServeConfig,
};

fn main() -> ExitCode {
    process::run("media", async |process| {
        let lookup = &process.lookup;
        let database = Database::new(DatabaseConfig::read(lookup, "media")?, &MIGRATOR)?;
        if process.is_migration() {
            return Ok(database.migrate().await?);
        }
        let serve = ServeConfig::read(lookup, "127.0.0.1:50064")?;
        let parts = Parts {
            environment: process.environment.clone(),
            database,
            verifier: Verifier::read(lookup, "media", process.environment.clock.clone())?,
            limits: serve.limits,
            identity: Peer::read(lookup, "identity")?,
            workspaces: Peer::read(lookup, "workspaces")?,
        };
        let listener = process.bind(serve.listen).await?;
        process.serve(listener, service(parts)).await
    })
}
