//! The object store of these tests: a directory.

use std::{fs, path::Path};

use postbreeze_testkit::{Directory, TurnableClock};

pub(crate) struct Store(Directory);

impl Store {
    #[expect(clippy::unused_async, reason = "other stores are servers")]
    pub(crate) async fn start() -> Self {
        Self(Directory::new("objects"))
    }

    /// What a system is told to have it.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        vec![("POSTBREEZE_MEDIA_STORE", format!("file://{}", self.0.path().display()))]
    }

    /// Sets a system's clock by the store's, which is that one.
    pub(crate) fn set(_clock: &TurnableClock) {}

    /// The names of all that it has, be it finished or not.
    pub(crate) fn objects(&self) -> Vec<String> {
        files(self.0.path())
    }
}

fn files(path: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(path) else { return Vec::new() };
    let entries = entries.filter_map(Result::ok).map(|entry| entry.path());
    let names = entries.flat_map(|path| {
        if path.is_dir() { files(&path) } else { vec![path.display().to_string()] }
    });
    names.collect()
}
