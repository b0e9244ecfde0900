//! Google Cloud Storage.

use std::{sync::Arc, time::Duration};

use http::{HeaderName, HeaderValue, Method, header::CONTENT_TYPE};
use object_store::{
    ObjectStore,
    gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey},
    multipart::MultipartStore,
    path::Path,
    signer::{SignedUrlOptions, Signer as _},
};
use postbreeze_runtime::config::ConfigError;

use super::{Presigned, StorageError, bounds, config::Bucket, disposition::attachment, remote};

/// Fewest and most bytes of a body.
const LENGTH_RANGE: HeaderName = HeaderName::from_static("x-goog-content-length-range");
/// With 0: only where no object is.
const GENERATION: HeaderName = HeaderName::from_static("x-goog-if-generation-match");
/// The longest a signature may last.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);

pub(super) struct Google {
    client: Arc<GoogleCloudStorage>,
}

impl Google {
    pub fn open(bucket: &Bucket) -> Result<Self, ConfigError> {
        let builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&bucket.name)
            .with_client_options(bounds::client())
            .with_retry(bounds::retry());
        let client = remote::settings::<GoogleConfigKey>(bucket)?
            .into_iter()
            .fold(builder, |builder, (key, value)| builder.with_config(key, value))
            .build()
            .map_err(remote::fault)?;
        Ok(Self { client: Arc::new(client) })
    }

    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.client) as _
    }

    pub fn parts(&self) -> Arc<dyn MultipartStore> {
        Arc::clone(&self.client) as _
    }

    pub async fn presign_put(
        &self,
        path: &Path,
        content_type: &str,
        size_bytes: u64,
        lifetime: Duration,
    ) -> Result<Presigned, StorageError> {
        let headers = [
            (CONTENT_TYPE, content_type.to_owned()),
            (LENGTH_RANGE, format!("{size_bytes},{size_bytes}")),
            (GENERATION, "0".to_owned()),
        ];
        let mut options = SignedUrlOptions::new();
        for (name, value) in &headers {
            let value = HeaderValue::from_str(value).map_err(StorageError::unreachable)?;
            options = options.with_signed_header(name.clone(), value);
        }
        let url = self
            .client
            .signed_url_opts(Method::PUT, path, lifetime.min(LIFETIME), &options)
            .await?;
        let headers = headers.map(|(name, value)| (name.as_str().to_owned(), value));
        Ok(Presigned { url: url.into(), headers: headers.into() })
    }

    pub async fn presign_get(
        &self,
        path: &Path,
        content_type: &str,
        filename: &str,
        lifetime: Duration,
    ) -> Result<String, StorageError> {
        let options = SignedUrlOptions::new().with_query([
            ("response-content-disposition", attachment(filename)),
            ("response-content-type", content_type.to_owned()),
        ]);
        let url = self
            .client
            .signed_url_opts(Method::GET, path, lifetime.min(LIFETIME), &options)
            .await?;
        Ok(url.into())
    }
}
