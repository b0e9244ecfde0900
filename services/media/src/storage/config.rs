//! Which store, and how it is reached.

use std::{net::SocketAddr, path::PathBuf};

use postbreeze_egress::TrustedRoots;
use postbreeze_runtime::config::{ConfigError, Lookup};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

pub(super) const STORE: &str = "POSTBREEZE_MEDIA_STORE";
const URL_KEY: &str = "POSTBREEZE_MEDIA_URL_KEY";
const PUBLIC_URL: &str = "POSTBREEZE_MEDIA_PUBLIC_URL";
const INTERNAL_URL: &str = "POSTBREEZE_MEDIA_INTERNAL_URL";
const LISTEN: &str = "POSTBREEZE_MEDIA_LISTEN";
const PUBLIC_ENDPOINT: &str = "POSTBREEZE_MEDIA_PUBLIC_ENDPOINT";
const PATH_STYLE: &str = "POSTBREEZE_MEDIA_S3_PATH_STYLE";
const URL_KEY_CHARACTERS: usize = 16;

/// Where the credentials of each provider come from: the variables their own tools read. What is not set is found as those
/// tools find it: from the role of the machine or pod.
const AWS: [&str; 10] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_ENDPOINT_URL_STS",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];
const GOOGLE: [&str; 3] =
    ["GOOGLE_SERVICE_ACCOUNT", "GOOGLE_SERVICE_ACCOUNT_KEY", "GOOGLE_APPLICATION_CREDENTIALS"];
const AZURE: [&str; 8] = [
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_ENDPOINT",
    "AZURE_CLIENT_ID",
    "AZURE_CLIENT_SECRET",
    "AZURE_TENANT_ID",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_AUTHORITY_HOST",
];

/// The settings of the object store.
#[derive(Debug, Clone)]
pub struct StorageConfig(pub(super) Provider);

#[derive(Debug, Clone)]
pub(super) enum Provider {
    Directory(Directory),
    S3(S3),
    Google(Bucket),
    Azure(Bucket),
}

/// A directory, and the HTTP by which it is reached.
#[derive(Debug, Clone)]
pub(super) struct Directory {
    pub root: PathBuf,
    pub url_key: SecretString,
    /// How clients reach it.
    pub public_url: Url,
    /// How other services reach it. Absent: as clients do.
    pub internal_url: Option<Url>,
    pub listen: SocketAddr,
}

/// A bucket or container of a provider.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    pub name: String,
    /// Before every key, without slashes around it; may be empty.
    pub prefix: String,
    pub credentials: Vec<(&'static str, SecretString)>,
    /// The authorities that the provider is verified by.
    pub roots: TrustedRoots,
}

#[derive(Debug, Clone)]
pub(super) struct S3 {
    pub bucket: Bucket,
    pub region: String,
    /// How this service and others reach the store. Absent: that of AWS.
    pub endpoint: Option<Url>,
    /// By which clients reach the store, where that is not `endpoint`.
    pub public_endpoint: Option<Url>,
    /// Whether the bucket is in the path of URLs and not in their host.
    pub path_style: bool,
}

impl StorageConfig {
    /// Reads the settings. `POSTBREEZE_MEDIA_STORE` says which store: `file:///directory`, `s3://bucket/prefix`,
    /// `gs://bucket/prefix` or `az://container/prefix`.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let store = url(STORE, &lookup.required(STORE)?)?;
        let provider = match store.scheme() {
            "file" => Provider::Directory(Directory::read(lookup, &store)?),
            "s3" => Provider::S3(S3::read(lookup, &store)?),
            "gs" => Provider::Google(Bucket::read(lookup, &store, &GOOGLE)?),
            "az" => {
                lookup.required("AZURE_STORAGE_ACCOUNT_NAME")?;
                Provider::Azure(Bucket::read(lookup, &store, &AZURE)?)
            }
            _ => return Err(ConfigError::new(STORE, "must begin with file, s3, gs or az")),
        };
        Ok(Self(provider))
    }

    /// Where [`super::Storage::http`] is to listen, if the store needs it.
    #[must_use]
    pub fn listen(&self) -> Option<SocketAddr> {
        match &self.0 {
            Provider::Directory(directory) => Some(directory.listen),
            Provider::S3(_) | Provider::Google(_) | Provider::Azure(_) => None,
        }
    }
}

impl Directory {
    fn read(lookup: &Lookup, store: &Url) -> Result<Self, ConfigError> {
        let root = store
            .to_file_path()
            .map_err(|()| ConfigError::new(STORE, "must name a directory, as file:///directory"))?;
        let url_key = lookup.required_secret(URL_KEY)?;
        if url_key.expose_secret().chars().count() < URL_KEY_CHARACTERS {
            let problem = format!("must have at least {URL_KEY_CHARACTERS} characters");
            return Err(ConfigError::new(URL_KEY, problem));
        }
        let listen = lookup.parsed(LISTEN, SocketAddr::from(([127, 0, 0, 1], 50071)))?;
        let public_url = match lookup.text(PUBLIC_URL) {
            Some(text) => http_url(PUBLIC_URL, &text)?,
            None => http_url(PUBLIC_URL, &format!("http://{listen}"))?,
        };
        let internal_url = lookup.text(INTERNAL_URL);
        let internal_url = internal_url.map(|text| http_url(INTERNAL_URL, &text)).transpose()?;
        Ok(Self { root, url_key, public_url, internal_url, listen })
    }
}

impl Bucket {
    fn read(
        lookup: &Lookup,
        store: &Url,
        credentials: &[&'static str],
    ) -> Result<Self, ConfigError> {
        let Some(name) = store.host_str().filter(|name| !name.is_empty()) else {
            return Err(ConfigError::new(STORE, "must name a bucket, as s3://bucket"));
        };
        let prefix = store.path().trim_matches('/').to_owned();
        let plain =
            |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/');
        if !prefix.bytes().all(plain) || prefix.split('/').any(|part| part.starts_with('.')) {
            return Err(ConfigError::new(STORE, "its prefix may have letters, digits and - _ . /"));
        }
        let credentials = credentials
            .iter()
            .filter_map(|variable| Some((*variable, lookup.secret(variable)?)))
            .collect();
        let roots = TrustedRoots::read(lookup)?;
        Ok(Self { name: name.to_owned(), prefix, credentials, roots })
    }
}

impl S3 {
    fn read(lookup: &Lookup, store: &Url) -> Result<Self, ConfigError> {
        let bucket = Bucket::read(lookup, store, &AWS)?;
        let endpoint = match lookup.text("AWS_ENDPOINT_URL_S3") {
            Some(text) => Some(http_url("AWS_ENDPOINT_URL_S3", &text)?),
            None => match lookup.text("AWS_ENDPOINT_URL") {
                Some(text) => Some(http_url("AWS_ENDPOINT_URL", &text)?),
                None => None,
            },
        };
        let region = match lookup.text("AWS_REGION").or_else(|| lookup.text("AWS_DEFAULT_REGION")) {
            Some(region) => region,
            // A name that servers other than AWS's agree on.
            None if endpoint.is_some() => "us-east-1".to_owned(),
            None => return Err(ConfigError::new("AWS_REGION", "must be set")),
        };
        let public_endpoint = lookup.text(PUBLIC_ENDPOINT);
        let public_endpoint =
            public_endpoint.map(|text| http_url(PUBLIC_ENDPOINT, &text)).transpose()?;
        // Certificates cover one name before the host: a bucket with dots has to be in the path.
        let path_style = endpoint.is_some() || bucket.name.contains('.');
        let path_style = lookup.flag(PATH_STYLE, path_style)?;
        Ok(Self { bucket, region, endpoint, public_endpoint, path_style })
    }
}

fn url(variable: &str, text: &str) -> Result<Url, ConfigError> {
    Url::parse(text).map_err(|error| ConfigError::new(variable, error))
}

/// A URL that others begin with: http or https, and nothing behind its path.
fn http_url(variable: &str, text: &str) -> Result<Url, ConfigError> {
    let url = url(variable, text)?;
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && bare {
        Ok(url)
    } else {
        Err(ConfigError::new(variable, "must be http://host or https://host, without a query"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<StorageConfig, ConfigError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        StorageConfig::read(&Lookup::new(pairs))
    }

    fn fault(pairs: &[(&str, &str)]) -> String {
        read(pairs).unwrap_err().variable
    }

    const KEY: (&str, &str) = (URL_KEY, "a key of urls, secret");

    #[test]
    fn a_directory_listens_and_remote_stores_do_not() {
        let config = read(&[(STORE, "file:///srv/media"), KEY]).unwrap();
        assert_eq!(config.listen(), Some("127.0.0.1:50071".parse().unwrap()));
        let Provider::Directory(directory) = config.0 else { panic!("not a directory") };
        assert_eq!(directory.public_url.as_str(), "http://127.0.0.1:50071/");
        let config = read(&[(STORE, "gs://bucket")]).unwrap();
        assert_eq!(config.listen(), None);
    }

    #[test]
    fn a_bad_setting_is_named() {
        assert_eq!(fault(&[]), STORE);
        assert_eq!(fault(&[(STORE, "ftp://host/directory")]), STORE);
        assert_eq!(fault(&[(STORE, "s3:///prefix"), ("AWS_REGION", "eu-central-1")]), STORE);
        assert_eq!(fault(&[(STORE, "gs://bucket/a/../b%20c")]), STORE);
        assert_eq!(fault(&[(STORE, "file:///srv/media")]), URL_KEY);
        assert_eq!(fault(&[(STORE, "file:///srv/media"), (URL_KEY, "short")]), URL_KEY);
        let base = [(STORE, "file:///srv/media"), KEY, (PUBLIC_URL, "http://host/?a=b")];
        assert_eq!(fault(&base), PUBLIC_URL);
        let base = [(STORE, "file:///srv/media"), KEY, (INTERNAL_URL, "media:50071")];
        assert_eq!(fault(&base), INTERNAL_URL);
        assert_eq!(fault(&[(STORE, "s3://bucket")]), "AWS_REGION");
        assert_eq!(fault(&[(STORE, "az://container")]), "AZURE_STORAGE_ACCOUNT_NAME");
        let at = [(STORE, "s3://bucket"), ("AWS_ENDPOINT_URL", "localhost:9000")];
        assert_eq!(fault(&at), "AWS_ENDPOINT_URL");
    }

    #[test]
    fn a_bucket_is_in_the_path_where_its_name_cannot_be_in_a_host() {
        let style = |pairs: &[(&str, &str)]| match read(pairs).unwrap().0 {
            Provider::S3(s3) => s3.path_style,
            _ => panic!("not S3"),
        };
        let region = ("AWS_REGION", "eu-central-1");
        assert!(!style(&[(STORE, "s3://bucket"), region]));
        assert!(style(&[(STORE, "s3://bucket.example"), region]));
        assert!(style(&[(STORE, "s3://bucket"), ("AWS_ENDPOINT_URL", "http://10.0.0.1:9000")]));
        let set =
            [(STORE, "s3://b"), ("AWS_ENDPOINT_URL", "http://s3.test"), (PATH_STYLE, "false")];
        assert!(!style(&set));
    }

    #[test]
    fn secrets_are_not_shown() {
        let pairs = [(STORE, "s3://b"), ("AWS_REGION", "x"), ("AWS_SECRET_ACCESS_KEY", "s3cret")];
        assert!(!format!("{:?}", read(&pairs).unwrap()).contains("s3cret"));
        assert!(!format!("{:?}", read(&[(STORE, "file:///m"), KEY]).unwrap()).contains(KEY.1));
    }
}
