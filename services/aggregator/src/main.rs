//! The aggregator as a process. `postbreeze-aggregator keygen <issuer>` prints a new key pair for context tokens.

use std::process::ExitCode;

use postbreeze_aggregator::{Config, Parts, service};
use postbreeze_context::token::{self, EDGE, Issuer};
use postbreeze_runtime::{
    process::{self, Failure},
    serve::ServeConfig,
};
use secrecy::ExposeSecret as _;

fn main() -> ExitCode {
    process::run("aggregator", async |process| {
        let arguments: Vec<&str> = process.arguments.iter().map(String::as_str).collect();
        if let ["keygen", issuer] = arguments.as_slice() {
            return keygen(issuer);
        }
        if process.is_migration() {
            return Ok(());
        }
        let lookup = &process.lookup;
        let serve = ServeConfig::read(lookup, "127.0.0.1:50051")?;
        let config = Config::read(lookup)?;
        let parts = Parts {
            page_tokens: config.page_tokens,
            environment: process.environment.clone(),
            issuer: Issuer::read(lookup, EDGE, process.environment.clock.clone())?,
            limits: serve.limits,
            owners: config.owners,
        };
        let listener = process.bind(serve.listen).await?;
        process.serve(listener, service(parts)?).await
    })
}

#[expect(clippy::print_stdout, reason = "the output of a command")]
fn keygen(issuer: &str) -> Result<(), Failure> {
    let (signing, public) = token::generate(issuer, "1").map_err(|error| error.to_string())?;
    println!("POSTBREEZE_CONTEXT_SIGNING_KEY={}", signing.expose_secret());
    println!("POSTBREEZE_CONTEXT_PUBLIC_KEYS={public}");
    Ok(())
}
