//! A Postgres server for one test alone, so that it may be stopped.

use std::path::{Path, PathBuf};

use postbreeze_embedded_postgres::{EmbeddedPostgres, Options};

/// A directory of a test, removed when it ends.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new(test: &str) -> Self {
        let name = format!("postbreeze-{test}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What cannot be removed is in the temporary folder anyway.
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Starts a server, or starts it again on the same data.
pub(crate) async fn postgres(directory: &Directory) -> EmbeddedPostgres {
    let options = Options {
        directory: directory.path().join("postgres"),
        durable: true,
        max_connections: 200,
        binaries: None,
        install: true,
    };
    EmbeddedPostgres::start(&options).await.unwrap()
}
