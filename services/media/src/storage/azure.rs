//! Azure Blob Storage.
//!
//! Its signatures bind no headers, and one that lets write lets write again. So a PUT goes to a place of its own, and
//! [`Azure::settle`] copies what is there to where the object is, once.

use std::{sync::Arc, time::Duration};

use http::{
    Method,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use object_store::{
    ObjectStore, ObjectStoreExt as _,
    azure::{AzureConfigKey, MicrosoftAzure, MicrosoftAzureBuilder},
    path::Path,
    signer::Signer as _,
};
use postbreeze_runtime::config::ConfigError;

use super::{Presigned, StorageError, bounds, config::Bucket, remote};

pub(super) struct Azure {
    client: Arc<MicrosoftAzure>,
}

impl Azure {
    pub fn open(container: &Bucket) -> Result<Self, ConfigError> {
        let plain = container.credentials.iter().any(|(variable, value)| {
            use secrecy::ExposeSecret as _;
            *variable == "AZURE_STORAGE_ENDPOINT" && value.expose_secret().starts_with("http://")
        });
        let builder = MicrosoftAzureBuilder::new()
            .with_container_name(&container.name)
            .with_client_options(remote::client(container)?.with_allow_http(plain))
            .with_retry(bounds::retry());
        let client = remote::settings::<AzureConfigKey>(container)?
            .into_iter()
            .fold(builder, |builder, (key, value)| builder.with_config(key, value))
            .build()
            .map_err(remote::fault)?;
        Ok(Self { client: Arc::new(client) })
    }

    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.client) as _
    }

    pub async fn presign_put(
        &self,
        path: &Path,
        content_type: &str,
        size_bytes: u64,
        lifetime: Duration,
    ) -> Result<Presigned, StorageError> {
        let url = self.client.signed_url(Method::PUT, &incoming(path), lifetime).await?;
        let headers = [
            (CONTENT_LENGTH.as_str(), size_bytes.to_string()),
            (CONTENT_TYPE.as_str(), content_type.to_owned()),
            ("x-ms-blob-type", "BlockBlob".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value));
        Ok(Presigned { url: url.into(), headers: headers.into() })
    }

    pub async fn presign_get(
        &self,
        path: &Path,
        lifetime: Duration,
    ) -> Result<String, StorageError> {
        Ok(self.client.signed_url(Method::GET, path, lifetime).await?.into())
    }

    pub async fn settle(&self, path: &Path) -> Result<(), StorageError> {
        match self.client.copy_if_not_exists(&incoming(path), path).await {
            // What came in is not deleted before it is settled: without it, it was settled before or never came.
            Ok(()) | Err(object_store::Error::AlreadyExists { .. }) => self.forget(path).await,
            Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Deletes what came in by a PUT.
    pub async fn forget(&self, path: &Path) -> Result<(), StorageError> {
        match self.client.delete(&incoming(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Where a PUT goes.
fn incoming(path: &Path) -> Path {
    Path::from(format!("{path}.incoming"))
}

#[cfg(test)]
mod tests {
    use postbreeze_runtime::{clock::Clock, config::Lookup};

    use crate::storage::{Storage, StorageConfig, key::test_key};

    #[tokio::test]
    async fn a_put_goes_to_a_place_of_its_own() {
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", "az://media/a"),
            ("AZURE_STORAGE_ACCOUNT_NAME", "postbreeze"),
            ("AZURE_STORAGE_ACCOUNT_KEY", "YSBrZXkgb2YgYW4gYWNjb3VudA=="),
        ];
        let pairs = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = StorageConfig::read(&Lookup::new(pairs)).unwrap();
        let storage = Storage::open(&config, Clock::system()).unwrap();
        let expire_time = Clock::system().now() + chrono::TimeDelta::minutes(15);
        let put = storage.presign_put(&test_key(), "image/png", 12, expire_time).await.unwrap();
        let place = format!("https://postbreeze.blob.core.windows.net/media/a/{}", test_key());
        assert!(put.url.starts_with(&format!("{place}.incoming?")), "{}", put.url);
        assert!(put.url.contains("sp=w&") || put.url.ends_with("sp=w"), "{}", put.url);
        assert!(put.headers.contains(&("x-ms-blob-type".to_owned(), "BlockBlob".to_owned())));
        let get =
            storage.presign_get(&test_key(), "image/png", "a.png", expire_time).await.unwrap();
        assert!(get.starts_with(&format!("{place}?")), "{get}");
    }
}
