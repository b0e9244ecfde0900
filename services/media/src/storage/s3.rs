//! S3 and what is compatible with it.
//!
//! URLs are signed here and not by `object_store`, whose signer leaves out the length of a PUT.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, IF_NONE_MATCH};
use object_store::{
    ObjectStore,
    aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey},
    multipart::MultipartStore,
    path::Path,
};
use postbreeze_runtime::config::ConfigError;
use rusty_s3::{
    Bucket, Credentials, S3Action, UrlStyle,
    actions::{GetObject, PutObject},
};

use super::{
    Presigned, StorageError, bounds,
    config::{self, STORE},
    disposition::attachment,
    remote,
};

/// The longest a signature of this kind may last.
const LIFETIME: Duration = Duration::from_hours(7 * 24);

pub(super) struct S3 {
    client: Arc<AmazonS3>,
    /// As clients reach it.
    bucket: Bucket,
    /// As this service and others reach it, where that is not how clients do.
    internal: Option<Bucket>,
}

impl S3 {
    pub fn open(config: &config::S3) -> Result<Self, ConfigError> {
        let name = &config.bucket.name;
        let aws = format!("https://s3.{}.amazonaws.com", config.region);
        let aws = aws.parse().map_err(|error| ConfigError::new("AWS_REGION", error))?;
        let endpoint = config.endpoint.as_ref().unwrap_or(&aws);
        let public = config.public_endpoint.as_ref().unwrap_or(endpoint);
        let at = |endpoint: &url::Url| {
            let style = if config.path_style { UrlStyle::Path } else { UrlStyle::VirtualHost };
            Bucket::new(endpoint.clone(), style, name.clone(), config.region.clone())
                .map_err(|error| ConfigError::new(STORE, error))
        };
        // The client takes an endpoint without the bucket when that is in the path, and with it when it is in the host.
        let base =
            if config.path_style { endpoint.clone() } else { at(endpoint)?.base_url().clone() };
        let builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(&config.region)
            .with_endpoint(base.as_str().trim_end_matches('/'))
            .with_virtual_hosted_style_request(!config.path_style)
            .with_disable_bulk_delete(true)
            .with_client_options(
                remote::client(&config.bucket)?.with_allow_http(base.scheme() == "http"),
            )
            .with_retry(bounds::retry());
        let client = remote::settings::<AmazonS3ConfigKey>(&config.bucket)?
            .into_iter()
            .fold(builder, |builder, (key, value)| builder.with_config(key, value))
            .build()
            .map_err(remote::fault)?;
        let internal = (public != endpoint).then(|| at(endpoint)).transpose()?;
        Ok(Self { client: Arc::new(client), bucket: at(public)?, internal })
    }

    pub fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.client) as _
    }

    pub fn parts(&self) -> Arc<dyn MultipartStore> {
        Arc::clone(&self.client) as _
    }

    async fn credentials(&self) -> Result<Credentials, StorageError> {
        let found = self.client.credentials().get_credential().await?;
        let (key, secret) = (&found.key_id, &found.secret_key);
        Ok(match &found.token {
            Some(token) => Credentials::new_with_token(key, secret, token),
            None => Credentials::new(key, secret),
        })
    }

    pub async fn presign_put(
        &self,
        path: &Path,
        content_type: &str,
        size_bytes: u64,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<Presigned, StorageError> {
        let credentials = self.credentials().await?;
        let headers = [
            (CONTENT_LENGTH, size_bytes.to_string()),
            (CONTENT_TYPE, content_type.to_owned()),
            (IF_NONE_MATCH, "*".to_owned()),
        ]
        .map(|(name, value)| (name.as_str().to_owned(), value));
        let mut put = PutObject::new(&self.bucket, Some(&credentials), path.as_ref());
        for (name, value) in &headers {
            put.headers_mut().insert(name, value);
        }
        Ok(Presigned { url: sign(&put, now, lifetime), headers: headers.into() })
    }

    pub async fn presign_get(
        &self,
        path: &Path,
        content_type: &str,
        filename: &str,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<String, StorageError> {
        self.get_at(&self.bucket, path, content_type, filename, now, lifetime).await
    }

    /// The same for other services; `None` where they reach the store as clients do.
    pub async fn presign_internal_get(
        &self,
        path: &Path,
        content_type: &str,
        filename: &str,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<Option<String>, StorageError> {
        let Some(bucket) = &self.internal else { return Ok(None) };
        self.get_at(bucket, path, content_type, filename, now, lifetime).await.map(Some)
    }

    async fn get_at(
        &self,
        bucket: &Bucket,
        path: &Path,
        content_type: &str,
        filename: &str,
        now: DateTime<Utc>,
        lifetime: Duration,
    ) -> Result<String, StorageError> {
        let credentials = self.credentials().await?;
        let mut get = GetObject::new(bucket, Some(&credentials), path.as_ref());
        get.query_mut().insert("response-content-disposition", attachment(filename));
        get.query_mut().insert("response-content-type", content_type);
        Ok(sign(&get, now, lifetime))
    }
}

fn sign<'a>(action: &impl S3Action<'a>, now: DateTime<Utc>, lifetime: Duration) -> String {
    let now = jiff::Timestamp::from_second(now.timestamp()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    action.sign_with_time(lifetime.min(LIFETIME), &now).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Storage, key::test_key};
    use postbreeze_runtime::{clock::Clock, config::Lookup};

    fn storage(settings: &[(&str, &str)]) -> Storage {
        let keys = [("AWS_ACCESS_KEY_ID", "id"), ("AWS_SECRET_ACCESS_KEY", "secret")];
        let pairs = keys.iter().chain(settings);
        let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let config = config::StorageConfig::read(&Lookup::new(pairs)).unwrap();
        Storage::open(&config, Clock::system()).unwrap()
    }

    fn soon() -> DateTime<Utc> {
        Clock::system().now() + chrono::TimeDelta::minutes(15)
    }

    /// The URL of a PUT.
    async fn put(settings: &[(&str, &str)]) -> url::Url {
        let (storage, expire_time) = (storage(settings), soon());
        let put = storage.presign_put(&test_key(), "image/png", 12, expire_time).await.unwrap();
        put.url.parse().unwrap()
    }

    fn query(url: &url::Url, wanted: &str) -> Option<String> {
        let pair = url.query_pairs().find(|(name, _)| name == wanted);
        pair.map(|(_, value)| value.into_owned())
    }

    #[tokio::test]
    async fn type_and_length_and_novelty_are_signed_and_the_time_is_as_asked() {
        let url =
            put(&[("POSTBREEZE_MEDIA_STORE", "s3://media/a/b"), ("AWS_REGION", "eu-west-1")]).await;
        assert_eq!(url.host_str(), Some("media.s3.eu-west-1.amazonaws.com"));
        assert_eq!(url.path(), format!("/a/b/{}", test_key()));
        let signed = "content-length;content-type;host;if-none-match";
        assert_eq!(query(&url, "X-Amz-SignedHeaders").as_deref(), Some(signed));
        assert_eq!(query(&url, "X-Amz-Expires").as_deref(), Some("900"));
        assert_eq!(query(&url, "X-Amz-Security-Token"), None);
    }

    #[tokio::test]
    async fn credentials_that_are_lent_are_named() {
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", "s3://media"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_SESSION_TOKEN", "a token"),
        ];
        let url = put(&settings).await;
        assert_eq!(query(&url, "X-Amz-Security-Token").as_deref(), Some("a token"));
    }

    #[tokio::test]
    async fn clients_are_sent_to_the_public_endpoint() {
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", "s3://media"),
            ("AWS_ENDPOINT_URL", "http://s3.internal:9000"),
            ("POSTBREEZE_MEDIA_PUBLIC_ENDPOINT", "https://files.example"),
        ];
        let url = put(&settings).await;
        assert!(url.as_str().starts_with("https://files.example/media/wsp_"), "{url}");
        let in_host = [("POSTBREEZE_MEDIA_S3_PATH_STYLE", "false")];
        let url = put(&[&settings[..], &in_host].concat()).await;
        assert!(url.as_str().starts_with("https://media.files.example/wsp_"), "{url}");
    }

    #[tokio::test]
    async fn services_are_sent_to_where_this_one_reaches_the_store() {
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", "s3://media"),
            ("AWS_ENDPOINT_URL", "http://s3.internal:9000"),
            ("POSTBREEZE_MEDIA_PUBLIC_ENDPOINT", "https://files.example"),
        ];
        let internal = async |settings: &[(&str, &str)]| {
            let storage = storage(settings);
            storage.presign_internal_get(&test_key(), "image/png", "a.png", soon()).await.unwrap()
        };
        let url = internal(&settings).await.unwrap();
        assert!(url.starts_with("http://s3.internal:9000/media/wsp_"), "{url}");
        // Without an endpoint for clients alone, theirs is the one.
        assert_eq!(internal(&settings[..2]).await, None);
    }
}
