//! The `posts` service as a process: `postbreeze-posts` serves, `postbreeze-posts migrate` brings its database up to date.

use std::process::ExitCode;

use postbreeze_context::token::{Issuer, Verifier};
use postbreeze_posts::{Config, MIGRATOR, Parts, service};
use postbreeze_runtime::{
    peer::Peer,
    postgres::{Database, DatabaseConfig},
    process,
    serve::ServeConfig,
};

fn main() -> ExitCode {
    process::run("posts", async |process| {
        let lookup = &process.lookup;
        let database = Database::new(DatabaseConfig::read(lookup, "posts")?, &MIGRATOR)?;
        if process.is_migration() {
            return Ok(database.migrate().await?);
        }
        let serve = ServeConfig::read(lookup, "127.0.0.1:50063")?;
        let clock = process.environment.clock.clone();
        let parts = Parts {
            config: Config::read(lookup)?,
            environment: process.environment.clone(),
            database,
            verifier: Verifier::read(lookup, "posts", clock.clone())?,
            issuer: Issuer::read(lookup, "posts", clock)?,
            limits: serve.limits,
            identity: Peer::read(lookup, "identity")?,
            workspaces: Peer::read(lookup, "workspaces")?,
            accounts: Peer::read(lookup, "accounts")?,
            media: Peer::read(lookup, "media")?,
        };
        let listener = process.bind(serve.listen).await?;
        process.serve(listener, service(parts)).await
    })
}
