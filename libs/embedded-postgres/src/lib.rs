//! A Postgres of one's own, for development and tests.
//!
//! - [`binaries`] finds the server's programs, or installs them.
//! - [`account`] is whom the server runs as: it refuses root.
//! - [`cluster`] is the data directory: made once, and made again if making it was cut short.
//! - [`server`] is the running server: a child of this process that ends with it.

pub mod account;
pub mod binaries;
pub mod cluster;
pub mod server;

use std::{io, path::PathBuf};

pub use server::{EmbeddedPostgres, Options};

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Postgres 15 or later was found.
    #[error(
        "Postgres 15 or later is not installed. Debian and Ubuntu: apt-get install postgresql. Fedora: dnf install \
         postgresql-server. macOS: brew install postgresql@17. Or set POSTBREEZE_DATABASE_URL to a server's URL, or \
         POSTBREEZE_POSTGRES_BIN to the folder of initdb and postgres"
    )]
    NotInstalled,
    /// Another process runs a server on this data.
    #[error("another process is using {}", .0.display())]
    InUse(PathBuf),
    /// A program of Postgres failed.
    #[error("{program} failed: {output}")]
    Program {
        /// Which.
        program: &'static str,
        /// The last it said.
        output: String,
    },
    /// The server did not accept connections in time.
    #[error("Postgres did not start: {0}")]
    NotStarted(String),
    /// A file or process could not be handled.
    #[error("{what}: {source}")]
    Io {
        /// What was being done.
        what: String,
        /// What went wrong.
        source: io::Error,
    },
}

impl Error {
    fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }
}
