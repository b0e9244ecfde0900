//! A directory as the object store, of one process.
//!
//! An object is a file `<workspace>/<medium>`. It is written aside, in `.staging`, and appears whole.

mod answer;
mod download;
mod grant;
mod incoming;
mod serve;
mod staged;
mod upload;

use std::{io, path::PathBuf, sync::Arc};

use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use object_store::{ObjectStore, local::LocalFileSystem};
use postbreeze_runtime::{clock::Clock, config::ConfigError};
use tokio::fs;

use super::{
    Key, Presigned, StorageError,
    config::{Directory, STORE},
};
use grant::Grants;
use incoming::Incoming;
pub use serve::LocalHttp;
pub(super) use staged::{Replace, Staged};

pub(super) struct Local {
    root: PathBuf,
    files: Arc<LocalFileSystem>,
    grants: Grants,
    /// What is being PUT.
    incoming: Incoming,
    clock: Clock,
}

impl Local {
    pub fn open(config: &Directory, clock: Clock) -> Result<Self, ConfigError> {
        let fault = |error: &dyn std::error::Error| {
            ConfigError::new(STORE, format!("its directory cannot be used: {error}"))
        };
        std::fs::create_dir_all(staged::directory(&config.root)).map_err(|error| fault(&error))?;
        let files =
            LocalFileSystem::new_with_prefix(&config.root).map_err(|error| fault(&error))?;
        let grants = Grants::new(&config.url_key, &config.public_url, config.internal_url.as_ref());
        let (root, files) = (config.root.clone(), Arc::new(files));
        Ok(Self { root, files, grants, incoming: Incoming::default(), clock })
    }

    pub fn files(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.files) as _
    }

    /// Where an object is.
    fn file(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    pub fn presign_put(
        &self,
        key: &Key,
        content_type: &str,
        size_bytes: u64,
        expire_time: DateTime<Utc>,
    ) -> Presigned {
        let headers = [
            (CONTENT_LENGTH.as_str().to_owned(), size_bytes.to_string()),
            (CONTENT_TYPE.as_str().to_owned(), content_type.to_owned()),
        ];
        let url = self.grants.put_url(key, content_type, size_bytes, expire_time);
        Presigned { url, headers: headers.into() }
    }

    pub fn presign_get(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> String {
        self.grants.get_url(key, content_type, filename, expire_time)
    }

    /// The same for other services; `None` where they reach the directory as clients do.
    pub fn presign_internal_get(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> Option<String> {
        self.grants.internal_get_url(key, content_type, filename, expire_time)
    }

    /// Begins a file.
    pub async fn stage(&self) -> Result<Staged, StorageError> {
        Staged::create(&self.root).await.map_err(StorageError::unreachable)
    }

    /// Deletes a file that was begun and not finished.
    pub async fn unstage(&self, name: &str) -> Result<(), StorageError> {
        if !staged::is_name(name) {
            return Ok(());
        }
        match fs::remove_file(staged::directory(&self.root).join(name)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(StorageError::unreachable(error))
            }
            _ => Ok(()),
        }
    }

    /// Deletes files that were begun and not written to since then; says how many.
    pub async fn sweep(&self, before: DateTime<Utc>) -> Result<u64, StorageError> {
        let sweep = async {
            let mut swept = 0;
            let mut entries = fs::read_dir(staged::directory(&self.root)).await?;
            while let Some(entry) = entries.next_entry().await? {
                // One that is gone was finished meanwhile.
                let Ok(modified) = entry.metadata().await.and_then(|found| found.modified()) else {
                    continue;
                };
                if DateTime::<Utc>::from(modified) < before
                    && fs::remove_file(entry.path()).await.is_ok()
                {
                    swept += 1;
                }
            }
            Ok::<u64, io::Error>(swept)
        };
        sweep.await.map_err(StorageError::unreachable)
    }
}
