//! Whom remote stores are taken for what they say they are: Mozilla's authorities, and those of the operator's file.

use std::net::SocketAddr;

use postbreeze_media::storage::{Storage, StorageConfig, StorageError};
use postbreeze_runtime::{clock::Clock, config::Lookup};
use postbreeze_testkit::{
    PrivateCa, S3, Web,
    web::{Page, get},
};

use crate::support::{EXPIRES_AFTER, PNG, key, minter};

const CA_FILE: &str = "POSTBREEZE_CA_FILE";

fn open(settings: &[(&str, String)]) -> Storage {
    let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Storage::open(&StorageConfig::read(&Lookup::new(settings)).unwrap(), Clock::system()).unwrap()
}

/// The settings of each kind of remote store, with a server at that address.
fn stores(address: SocketAddr) -> [Vec<(&'static str, String)>; 3] {
    let url = format!("https://{address}");
    let google = format!(
        r#"{{"gcs_base_url": "{url}", "disable_oauth": true, "private_key": "", "private_key_id": "", "client_email": ""}}"#
    );
    [
        vec![
            ("POSTBREEZE_MEDIA_STORE", "s3://media".to_owned()),
            ("AWS_ACCESS_KEY_ID", "an-access-key".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "a secret of S3".to_owned()),
            ("AWS_ENDPOINT_URL", url.clone()),
        ],
        vec![
            ("POSTBREEZE_MEDIA_STORE", "gs://media".to_owned()),
            ("GOOGLE_SERVICE_ACCOUNT_KEY", google),
        ],
        vec![
            ("POSTBREEZE_MEDIA_STORE", "az://media".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_NAME", "postbreeze".to_owned()),
            ("AZURE_STORAGE_ACCOUNT_KEY", "YSBrZXkgb2YgYW4gYWNjb3VudA==".to_owned()),
            ("AZURE_STORAGE_ENDPOINT", url),
        ],
    ]
}

#[tokio::test]
async fn every_remote_store_is_reached_by_the_operators_authority_and_not_without() {
    // It has no object, and says so to those that trust it.
    let web = Web::start().await;
    let url: url::Url = web.page("/", Page::Bytes("text/plain", "".into())).parse().unwrap();
    let ca = PrivateCa::new();
    let address = ca.front(([127, 0, 0, 1], url.port().unwrap()).into()).await;
    let key = key(&minter());
    for settings in stores(address) {
        let error = open(&settings).size(&key).await.unwrap_err();
        assert!(matches!(error, StorageError::Unreachable(_)), "{settings:?}: {error:?}");
        let file = (CA_FILE, ca.file().display().to_string());
        let trusting = open(&[settings.clone(), vec![file]].concat());
        assert!(matches!(trusting.size(&key).await, Ok(None)), "{settings:?}");
    }
}

#[tokio::test]
async fn bytes_go_to_and_from_a_store_of_the_operators_authority() {
    let (s3, ca) = (S3::start().await, PrivateCa::new());
    let address = ca.front(s3.address()).await;
    let mut settings = s3.settings().to_vec();
    settings.extend([
        ("AWS_ENDPOINT_URL", format!("https://{address}")),
        ("POSTBREEZE_MEDIA_PUBLIC_ENDPOINT", s3.endpoint()),
        (CA_FILE, ca.file().display().to_string()),
    ]);
    let (storage, key) = (open(&settings), key(&minter()));
    storage.put(&key, PNG, "twelve bytes".into()).await.unwrap();
    assert_eq!(storage.read(&key, 12).await.unwrap(), "twelve bytes");
    let expire_time = Clock::system().now() + EXPIRES_AFTER;
    let url = storage.presign_get(&key, PNG, "a.png", expire_time).await.unwrap();
    assert_eq!(get(&url).await, (200, "twelve bytes".into()));
    let url = storage.presign_internal_get(&key, PNG, "a.png", expire_time).await.unwrap();
    assert!(url.unwrap().starts_with(&format!("https://{address}/media/")));
}

#[test]
fn a_bad_file_of_authorities_is_named() {
    for settings in stores(([127, 0, 0, 1], 1).into()) {
        let file = (CA_FILE, "/nonexistent/ca.pem".to_owned());
        let settings = [settings, vec![file]].concat();
        let lookup = settings.into_iter().map(|(name, value)| (name.to_owned(), value));
        let error = StorageConfig::read(&Lookup::new(lookup)).unwrap_err();
        assert_eq!(error.variable, "POSTBREEZE_CA_FILE");
    }
}
