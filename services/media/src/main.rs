//! The `media` service as a process: `postbreeze-media` serves, `postbreeze-media migrate` brings its database up to date.

use std::process::ExitCode;

use postbreeze_context::token::{Issuer, Verifier};
use postbreeze_media::{Config, MIGRATOR, Parts, serve_bytes, service, storage::Storage};
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
        let config = Config::read(lookup)?;
        let clock = process.environment.clock.clone();
        let storage = Storage::open(&config.storage, clock.clone())?;
        let bytes = config.storage.listen();
        let parts = Parts {
            config,
            storage: storage.clone(),
            environment: process.environment.clone(),
            database,
            verifier: Verifier::read(lookup, "media", clock.clone())?,
            issuer: Issuer::read(lookup, "media", clock)?,
            limits: serve.limits,
            identity: Peer::read(lookup, "identity")?,
            workspaces: Peer::read(lookup, "workspaces")?,
        };
        let listener = process.bind(serve.listen).await?;
        if let Some(address) = bytes {
            serve_bytes(&storage, process.bind(address).await?, &process.environment);
        }
        process.serve(listener, service(parts)).await
    })
}
