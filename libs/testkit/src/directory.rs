//! A directory that a test has for itself, and that goes with it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// The directory.
pub struct Directory(PathBuf);

impl Directory {
    /// A new directory, empty.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn new(what: &str) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("postbreeze-{what}-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        // Of a process of the same number that was killed.
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a directory can be made");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // What a service still writes at that moment stays behind in the directory of temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}
