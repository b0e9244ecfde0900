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
const LIFETIME: Duration = Duration::from_hours(7 * 24);

pub(super) struct Google {
    client: Arc<GoogleCloudStorage>,
}

impl Google {
    pub fn open(bucket: &Bucket) -> Result<Self, ConfigError> {
        let builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(&bucket.name)
            .with_client_options(remote::client(bucket)?)
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

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        encoding::{AsDer as _, Pkcs8V1Der},
        rsa::{KeyPair, KeySize},
        signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey},
    };
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    use postbreeze_runtime::{clock::Clock, config::Lookup};

    use crate::storage::{Storage, StorageConfig, key::test_key};

    const HEX: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];

    /// A store of an account made up here, and its key.
    fn account() -> (Storage, KeyPair) {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der = pair.as_der().unwrap();
        let pem = BASE64_STANDARD.encode(der.as_ref());
        let key = format!("-----BEGIN PRIVATE KEY-----\\n{pem}\\n-----END PRIVATE KEY-----\\n");
        let account = format!(
            r#"{{"private_key": "{key}", "private_key_id": "one", "client_email": "media@example.com"}}"#
        );
        let settings = [
            ("POSTBREEZE_MEDIA_STORE", "gs://media/a".to_owned()),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", account),
        ];
        let pairs = settings.map(|(name, value)| (name.to_owned(), value));
        let config = StorageConfig::read(&Lookup::new(pairs)).unwrap();
        (Storage::open(&config, Clock::system()).unwrap(), pair)
    }

    fn query(url: &url::Url, wanted: &str) -> String {
        let pair = url.query_pairs().find(|(name, _)| name == wanted);
        pair.unwrap().1.into_owned()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| HEX[usize::from(digit)])
            .collect()
    }

    /// What Google does with a URL: whether the headers that come with it are those that were signed.
    fn is_signed(url: &url::Url, key: &KeyPair, method: &str, headers: &str) -> bool {
        let (canonical, signature) = url.query().unwrap().split_once("&X-Goog-Signature=").unwrap();
        let mut pairs: Vec<_> = canonical.split('&').collect();
        pairs.sort_unstable();
        let request = format!(
            "{method}\n{}\n{}\n{headers}\n\n{}\nUNSIGNED-PAYLOAD",
            url.path(),
            pairs.join("&"),
            query(url, "X-Goog-SignedHeaders"),
        );
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, request.as_bytes());
        let date = query(url, "X-Goog-Date");
        let scope = query(url, "X-Goog-Credential");
        let scope = scope.split_once('/').unwrap().1;
        let text = format!("GOOG4-RSA-SHA256\n{date}\n{scope}\n{}", hex(digest.as_ref()));
        let signature: Vec<u8> = (0..signature.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&signature[at..at + 2], 16).unwrap())
            .collect();
        let public = key.public_key().as_ref();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(text.as_bytes(), &signature)
            .is_ok()
    }

    #[tokio::test]
    async fn type_and_length_and_novelty_are_signed() {
        let (storage, key) = account();
        let expire_time = Clock::system().now() + chrono::TimeDelta::minutes(15);
        let put = storage.presign_put(&test_key(), "image/png", 12, expire_time).await.unwrap();
        let expected = [
            ("content-type", "image/png"),
            ("x-goog-content-length-range", "12,12"),
            ("x-goog-if-generation-match", "0"),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(put.headers, expected);
        let url: url::Url = put.url.parse().unwrap();
        assert_eq!(url.path(), format!("/media/a/{}", test_key()));
        assert_eq!(query(&url, "X-Goog-Expires"), "900");
        let names = "content-type;host;x-goog-content-length-range;x-goog-if-generation-match";
        assert_eq!(query(&url, "X-Goog-SignedHeaders"), names);
        let headers = "content-type:image/png\nhost:storage.googleapis.com\n\
                       x-goog-content-length-range:12,12\nx-goog-if-generation-match:0";
        assert!(is_signed(&url, &key, "PUT", headers));
        assert!(!is_signed(&url, &key, "PUT", &headers.replace("image/png", "text/html")));
        assert!(!is_signed(&url, &key, "PUT", &headers.replace("12,12", "12,13")));
        assert!(!is_signed(&url, &key, "GET", headers));
    }

    #[tokio::test]
    async fn a_url_to_read_tells_type_and_name() {
        let (storage, key) = account();
        let expire_time = Clock::system().now() + chrono::TimeDelta::minutes(15);
        let url =
            storage.presign_get(&test_key(), "image/png", "a.png", expire_time).await.unwrap();
        let url: url::Url = url.parse().unwrap();
        assert_eq!(query(&url, "response-content-type"), "image/png");
        assert!(
            query(&url, "response-content-disposition")
                .starts_with("attachment; filename=\"a.png\"")
        );
        assert!(is_signed(&url, &key, "GET", "host:storage.googleapis.com"));
    }
}
