//! Files being written. They lie aside and become an object by one step, so that nobody ever sees half of one.

use std::{
    io,
    path::{Path, PathBuf},
};

use rand::RngExt as _;
use tokio::{
    fs::{self, File, OpenOptions},
    io::AsyncWriteExt as _,
    runtime::Handle,
    task::spawn_blocking,
};

use crate::storage::{Key, StorageError};

/// Where they lie: in the same file system as the objects.
pub(super) fn directory(root: &Path) -> PathBuf {
    root.join(".staging")
}

/// Whether this names one.
pub(super) fn is_name(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether an object that is there gives way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Replace {
    Yes,
    No,
}

/// Whether the file became the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Published {
    Yes,
    /// There is an object already, which stays.
    Exists,
}

/// A file being written. Dropped, it is deleted.
pub(in crate::storage) struct Staged {
    root: PathBuf,
    name: String,
    file: File,
    aside: Aside,
}

/// Deletes the file aside when it goes.
struct Aside(PathBuf);

impl Drop for Aside {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.0);
        // Freeing a large file takes a while.
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(|| std::fs::remove_file(path))),
            Err(_) => drop(std::fs::remove_file(path)),
        }
    }
}

impl Staged {
    pub(super) async fn create(root: &Path) -> io::Result<Self> {
        let name = format!("{:032x}", rand::rng().random::<u128>());
        let path = directory(root).join(&name);
        let file = OpenOptions::new().write(true).create_new(true).open(&path).await?;
        Ok(Self { root: root.to_owned(), name, file, aside: Aside(path) })
    }

    /// Its name, by which [`super::Local::unstage`] knows it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), StorageError> {
        self.file.write_all(bytes).await.map_err(StorageError::unreachable)
    }

    /// Makes it the object. It is on the disk before it can be seen.
    pub async fn publish(mut self, key: &Key, replace: Replace) -> Result<Published, StorageError> {
        let published = async {
            self.file.flush().await?;
            self.file.sync_all().await?;
            let object = self.root.join(key.as_str());
            let directory = object.parent().unwrap_or(&self.root).to_owned();
            if !fs::try_exists(&directory).await? {
                fs::create_dir_all(&directory).await?;
                sync_directory(self.root.clone()).await?;
            }
            match replace {
                // What is renamed away is no more there to be deleted.
                Replace::Yes => fs::rename(&self.aside.0, &object).await?,
                Replace::No => match fs::hard_link(&self.aside.0, &object).await {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        return Ok(Published::Exists);
                    }
                    Err(error) => return Err(error),
                },
            }
            sync_directory(directory).await?;
            Ok(Published::Yes)
        };
        published.await.map_err(StorageError::unreachable)
    }
}

/// Makes what is listed in a directory outlive a crash.
async fn sync_directory(path: PathBuf) -> io::Result<()> {
    spawn_blocking(move || std::fs::File::open(path)?.sync_all()).await.map_err(io::Error::other)?
}
