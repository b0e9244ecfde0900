//! Where the bytes of media are: an S3-compatible store, Google Cloud Storage, Azure Blob Storage, or a directory.
//!
//! Clients send and read bytes by signed URLs, past this service. A directory has no HTTP of its own: for it,
//! [`Storage::http`] is what those URLs reach. What a URL for a PUT is bound to:
//!
//! | store | type | size | a second PUT |
//! |---|---|---|---|
//! | S3, Google, a directory | signed | signed | refused |
//! | Azure | of no effect | told at completion | of no effect after [`Storage::settle`] |
//!
//! No call of a remote store takes longer than a few seconds or, where it moves bytes, [`TRANSFER`]. One that is down is
//! [`StorageError::Unreachable`] by then.
//!
//! A second PUT is refused by S3-compatible stores that heed `if-none-match: *`, as AWS's does: others must not be used. A
//! directory also refuses one while the first is under way.

mod azure;
mod bounds;
mod config;
mod disposition;
mod google;
mod key;
mod local;
mod remote;
mod s3;
mod writing;

use std::{io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt as _, path::Path};
use postbreeze_runtime::{clock::Clock, config::ConfigError};

pub use bounds::TRANSFER;
use bounds::{QUICK, within};
use config::Provider;
pub use config::StorageConfig;
pub use key::Key;
pub use local::LocalHttp;
use local::{Local, Replace};
pub use writing::Writing;

/// What a client needs for one PUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presigned {
    /// Where to.
    pub url: String,
    /// The headers it must carry, exactly. Browsers set `content-length` themselves, as it is.
    pub headers: Vec<(String, String)>,
}

/// What can go wrong.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The store did not answer in time, or would not do what it was asked to. Trying again later may help.
    #[error("the object store cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No such object.
    #[error("there is no such object")]
    NotFound,
    /// The object has more bytes than the caller takes.
    #[error("the object has more than {max_bytes} bytes")]
    TooLarge {
        /// How many it takes.
        max_bytes: u64,
    },
}

impl StorageError {
    fn unreachable(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Unreachable(Box::new(cause))
    }
}

impl From<object_store::Error> for StorageError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            error => Self::unreachable(error),
        }
    }
}

/// The object store.
#[derive(Clone)]
pub struct Storage(Arc<Opened>);

struct Opened {
    /// What every store can do alike.
    objects: Arc<dyn ObjectStore>,
    /// Before every key.
    prefix: Path,
    own: Own,
    clock: Clock,
}

/// What each store does its own way: signing, and writing what comes bit by bit.
enum Own {
    Local(Arc<Local>),
    S3(Box<s3::S3>),
    Google(google::Google),
    Azure(azure::Azure),
}

impl Storage {
    /// Opens the store. No network call.
    pub fn open(config: &StorageConfig, clock: Clock) -> Result<Self, ConfigError> {
        let (objects, prefix, own): (Arc<dyn ObjectStore>, &str, Own) = match &config.0 {
            Provider::Directory(directory) => {
                let local = Local::open(directory, clock.clone())?;
                (local.files(), "", Own::Local(Arc::new(local)))
            }
            Provider::S3(config) => {
                let s3 = s3::S3::open(config)?;
                (s3.objects(), &config.bucket.prefix, Own::S3(s3.into()))
            }
            Provider::Google(bucket) => {
                let google = google::Google::open(bucket)?;
                (google.objects(), &bucket.prefix, Own::Google(google))
            }
            Provider::Azure(container) => {
                let azure = azure::Azure::open(container)?;
                (azure.objects(), &container.prefix, Own::Azure(azure))
            }
        };
        Ok(Self(Arc::new(Opened { objects, prefix: Path::from(prefix), own, clock })))
    }

    /// Where an object is.
    fn path(&self, key: &Key) -> Path {
        self.0.prefix.parts().chain(Path::from(key.as_str()).parts()).collect()
    }

    /// How long a URL is to work.
    fn lifetime(&self, expire_time: DateTime<Utc>) -> Duration {
        let left = (expire_time - self.0.clock.now()).to_std().unwrap_or_default();
        // Providers count in whole seconds and refuse none at all.
        Duration::from_secs(left.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX).max(1))
    }

    /// One PUT of so many bytes of that type, until then. No network call where the credentials are keys: those of roles are
    /// fetched from time to time, and with those of Google and Azure every URL is signed by the provider.
    pub async fn presign_put(
        &self,
        key: &Key,
        content_type: &str,
        size_bytes: u64,
        expire_time: DateTime<Utc>,
    ) -> Result<Presigned, StorageError> {
        let (path, lifetime) = (self.path(key), self.lifetime(expire_time));
        within(QUICK, async {
            match &self.0.own {
                Own::Local(local) => {
                    Ok(local.presign_put(key, content_type, size_bytes, expire_time))
                }
                Own::S3(s3) => {
                    let now = self.0.clock.now();
                    s3.presign_put(&path, content_type, size_bytes, now, lifetime).await
                }
                Own::Google(google) => {
                    google.presign_put(&path, content_type, size_bytes, lifetime).await
                }
                Own::Azure(azure) => {
                    azure.presign_put(&path, content_type, size_bytes, lifetime).await
                }
            }
        })
        .await
    }

    /// Makes what was PUT final: from here on no PUT changes it, whatever URLs are about. To be called once a PUT is said to
    /// be done, before the object is looked at: in some stores it is not there before. OK when nothing was PUT, and again.
    pub async fn settle(&self, key: &Key) -> Result<(), StorageError> {
        match &self.0.own {
            Own::Azure(azure) => within(TRANSFER, azure.settle(&self.path(key))).await,
            Own::Local(_) | Own::S3(_) | Own::Google(_) => Ok(()),
        }
    }

    /// A GET, until then, that answers with that type and offers that filename; by Azure with the type that was PUT and no
    /// name. Network calls as with [`Storage::presign_put`].
    pub async fn presign_get(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> Result<String, StorageError> {
        let (path, lifetime) = (self.path(key), self.lifetime(expire_time));
        within(QUICK, async {
            match &self.0.own {
                Own::Local(local) => {
                    Ok(local.presign_get(key, content_type, filename, expire_time))
                }
                Own::S3(s3) => {
                    let now = self.0.clock.now();
                    s3.presign_get(&path, content_type, filename, now, lifetime).await
                }
                Own::Google(google) => {
                    google.presign_get(&path, content_type, filename, lifetime).await
                }
                Own::Azure(azure) => azure.presign_get(&path, lifetime).await,
            }
        })
        .await
    }

    /// The same for other services of ours, at the address by which they reach the store: the URLs of clients may lead them
    /// nowhere. `None` where they reach it as clients do. Network calls as with [`Storage::presign_put`].
    pub async fn presign_internal_get(
        &self,
        key: &Key,
        content_type: &str,
        filename: &str,
        expire_time: DateTime<Utc>,
    ) -> Result<Option<String>, StorageError> {
        match &self.0.own {
            Own::Local(local) => {
                Ok(local.presign_internal_get(key, content_type, filename, expire_time))
            }
            Own::S3(s3) => {
                let (path, now) = (self.path(key), self.0.clock.now());
                let lifetime = self.lifetime(expire_time);
                let url = s3.presign_internal_get(&path, content_type, filename, now, lifetime);
                within(QUICK, url).await
            }
            // They have one endpoint, on the internet.
            Own::Google(_) | Own::Azure(_) => Ok(None),
        }
    }

    /// How many bytes an object has, if it is there.
    pub async fn size(&self, key: &Key) -> Result<Option<u64>, StorageError> {
        let path = self.path(key);
        match within(QUICK, self.0.objects.head(&path)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(StorageError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Some bytes of an object; fewer where it ends before the range does. It has to begin before the object ends.
    pub async fn read_range(&self, key: &Key, range: Range<u64>) -> Result<Bytes, StorageError> {
        let path = self.path(key);
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..Default::default() };
        within(QUICK, async {
            Ok::<_, StorageError>(self.0.objects.get_opts(&path, options).await?.bytes().await?)
        })
        .await
    }

    /// A whole object of no more bytes than that.
    pub async fn read(&self, key: &Key, max_bytes: u64) -> Result<Bytes, StorageError> {
        let path = self.path(key);
        within(TRANSFER, async {
            let found = self.0.objects.get(&path).await?;
            if found.meta.size > max_bytes {
                return Err(StorageError::TooLarge { max_bytes });
            }
            Ok(found.bytes().await?)
        })
        .await
    }

    /// Writes a small object, over whatever is there.
    pub async fn put(
        &self,
        key: &Key,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<(), StorageError> {
        if let Own::Local(local) = &self.0.own {
            let mut staged = local.stage().await?;
            staged.write(&bytes).await?;
            staged.publish(key, Replace::Yes).await?;
            return Ok(());
        }
        let (path, options) = (self.path(key), remote::attributes(content_type).into());
        within(TRANSFER, self.0.objects.put_opts(&path, bytes.into(), options)).await?;
        Ok(())
    }

    /// Begins an object whose bytes come one after another, over whatever is there. It is not there before it is finished.
    pub async fn begin(&self, key: &Key, content_type: &str) -> Result<Writing, StorageError> {
        let path = self.path(key);
        let begun = match &self.0.own {
            Own::Local(local) => Ok(Writing::local(local.stage().await?, key.clone())),
            Own::S3(s3) => Writing::parts(s3.parts(), path, content_type).await,
            Own::Google(google) => Writing::parts(google.parts(), path, content_type).await,
            Own::Azure(azure) => Writing::blocks(azure.objects(), &path, content_type).await,
        };
        // Not the object is missing, which nobody has asked for, but what it is to be in.
        begun.map_err(|error| match error {
            StorageError::NotFound => {
                StorageError::unreachable(io::Error::from(io::ErrorKind::NotFound))
            }
            error => error,
        })
    }

    /// Drops what a write that was neither finished nor aborted left behind: its `upload_id` is what [`Writing::upload_id`]
    /// said. OK again, and with nothing left. A finished object stays.
    pub async fn abandon(&self, key: &Key, upload_id: Option<&str>) -> Result<(), StorageError> {
        let Some(upload_id) = upload_id else { return Ok(()) };
        let path = self.path(key);
        let parts = match &self.0.own {
            Own::Local(local) => return local.unstage(upload_id).await,
            Own::S3(s3) => s3.parts(),
            Own::Google(google) => google.parts(),
            // It forgets what was not finished by itself.
            Own::Azure(_) => return Ok(()),
        };
        let upload_id = upload_id.to_owned();
        match within(QUICK, parts.abort_multipart(&path, &upload_id)).await {
            Err(StorageError::NotFound) => Ok(()),
            aborted => aborted,
        }
    }

    /// Deletes an object. OK when it is not there. A PUT by a URL that still works can bring it back: what must stay away is
    /// to be deleted again once such URLs have expired.
    pub async fn delete(&self, key: &Key) -> Result<(), StorageError> {
        let path = self.path(key);
        if let Own::Azure(azure) = &self.0.own {
            within(QUICK, azure.forget(&path)).await?;
        }
        match within(QUICK, self.0.objects.delete(&path)).await {
            Err(StorageError::NotFound) => Ok(()),
            deleted => deleted,
        }
    }

    /// Deletes what interrupted writes left behind longer ago than that; says how many. Remote stores do this by a rule of
    /// the bucket.
    pub async fn sweep_staging(&self, older_than: Duration) -> Result<u64, StorageError> {
        match &self.0.own {
            Own::Local(local) => local.sweep(self.0.clock.now() - older_than).await,
            Own::S3(_) | Own::Google(_) | Own::Azure(_) => Ok(0),
        }
    }

    /// What signed URLs reach, where that is this process: of a directory, not of remote stores.
    #[must_use]
    pub fn http(&self) -> Option<LocalHttp> {
        match &self.0.own {
            Own::Local(local) => Some(LocalHttp::new(Arc::clone(local))),
            Own::S3(_) | Own::Google(_) | Own::Azure(_) => None,
        }
    }
}
