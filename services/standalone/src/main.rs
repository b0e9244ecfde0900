//! `postbreeze-standalone`: every service in one process, on a Postgres that it brings along.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};
use postbreeze_runtime::{
    config::{ConfigError, Lookup},
    postgres::URL_VARIABLE,
    process::{self, Failure, Process},
    serve::ServeConfig,
};
use postbreeze_standalone::{Databases, Keys, Settings, compose, secrets};
use secrecy::SecretString;
use tokio::net::TcpListener;
use url::Url;

const DATA_VARIABLE: &str = "POSTBREEZE_DATA_DIR";
const STORE_VARIABLE: &str = "POSTBREEZE_MEDIA_STORE";
const BINARIES_VARIABLE: &str = "POSTBREEZE_POSTGRES_BIN";
const CONNECTIONS: u16 = 200;

fn main() -> ExitCode {
    process::run("standalone", async |process| {
        let directory = data_directory(&process.lookup)?;
        let kept = secrets::load_or_make(&directory)?;
        // Who runs the system alone chooses plans alone, and commands the network inside of it.
        let own = ["POSTBREEZE_SELF_SERVICE_PLANS", "POSTBREEZE_SANDBOX_COMMANDS"]
            .map(|name| (name.to_owned(), SecretString::from("true".to_owned())));
        let store = [(STORE_VARIABLE.to_owned(), media_store(&directory)?)];
        let lookup = process.lookup.with_defaults(kept.into_iter().chain(own).chain(store));
        let serve = ServeConfig::read(&lookup, "127.0.0.1:50051")?;
        let settings = Settings::read(&lookup)?;
        if lookup.secret(URL_VARIABLE).is_some() {
            Databases::read(&lookup)?;
        }
        // Bound first: a port that is taken is told before anything is started.
        let listener = process.bind(serve.listen).await?;
        let bytes = match settings.bytes_listen() {
            Some(address) => Some(process.bind(address).await?),
            None => None,
        };

        let embedded = match lookup.secret(URL_VARIABLE) {
            Some(_) => None,
            None => Some(start_postgres(&lookup, &directory).await?),
        };
        let url = embedded.iter().map(|server| (URL_VARIABLE.to_owned(), server.url()));
        let lookup = lookup.with_defaults(url);
        let ended = Box::pin(run(&process, &lookup, serve, settings, (listener, bytes))).await;
        if let Some(server) = embedded {
            server.stop().await?;
        }
        ended
    })
}

async fn run(
    process: &Process,
    lookup: &Lookup,
    serve: ServeConfig,
    settings: Settings,
    (listener, bytes): (TcpListener, Option<TcpListener>),
) -> Result<(), Failure> {
    let databases = Databases::read(lookup)?;
    databases.migrate().await?;
    if process.is_migration() {
        return Ok(());
    }
    let keys = Keys::generate()?;
    let system = compose(settings, &process.environment, &databases, &keys, &serve.limits)?;
    if let Some(bytes) = bytes {
        postbreeze_media::serve_bytes(&system.storage, bytes, &process.environment);
    }
    welcome(serve.listen);
    process.serve(listener, system.front).await
}

/// Where the data is kept, made when missing.
fn data_directory(lookup: &Lookup) -> Result<PathBuf, ConfigError> {
    let given = lookup.text(DATA_VARIABLE).unwrap_or_else(|| ".postbreeze".to_owned());
    let directory = PathBuf::from(given);
    fs::create_dir_all(&directory).map_err(|error| ConfigError::new(DATA_VARIABLE, error))?;
    Ok(directory)
}

/// The media beside the rest of the data.
fn media_store(directory: &Path) -> Result<SecretString, ConfigError> {
    let bad = |problem: String| ConfigError::new(DATA_VARIABLE, problem);
    let directory = directory.canonicalize().map_err(|error| bad(error.to_string()))?;
    let url = Url::from_file_path(directory.join("media"));
    let url = url.map_err(|()| bad("cannot be written as a URL".to_owned()))?;
    Ok(SecretString::from(String::from(url)))
}

async fn start_postgres(lookup: &Lookup, directory: &Path) -> Result<EmbeddedPostgres, Failure> {
    let server = EmbeddedPostgres::start(&Options {
        directory: directory.join("postgres"),
        durable: true,
        max_connections: CONNECTIONS,
        binaries: lookup.text(BINARIES_VARIABLE).map(PathBuf::from),
        install: true,
    })
    .await?;
    Ok(server)
}

#[expect(clippy::print_stdout, reason = "what a person at the terminal needs to begin")]
fn welcome(address: std::net::SocketAddr) {
    println!(
        "\nPostbreeze is ready on {address} (gRPC, plain text). Ctrl-C stops it.\n\n\
         A first user, and a first API key:\n\n  \
         CALL='npx --yes @bufbuild/buf@1.75.0 curl --protocol grpc --http2-prior-knowledge'\n  \
         $CALL -d '{{\"email\":\"you@example.com\",\"password\":\"choose a long one\"}}' \\\n    \
         http://{address}/postbreeze.v1.UserService/SignUp\n  \
         $CALL -H 'authorization: Bearer <sessionToken>' -d '{{\"displayName\":\"first\"}}' \\\n    \
         http://{address}/postbreeze.v1.ApiKeyService/CreateApiKey\n"
    );
}
