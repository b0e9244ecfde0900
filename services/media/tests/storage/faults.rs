//! A store that is down is told as such, and soon.

use std::time::Duration;

use postbreeze_media::storage::{Storage, StorageError};
use postbreeze_runtime::clock::Clock;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    time::Instant,
};

use crate::support::{PNG, Store, key, minter, open, s3};

/// Less than the deadline of most calls.
const SOON: Duration = Duration::from_secs(5);

async fn assert_unreachable(storage: &Storage) {
    let key = key(&minter());
    let begin = Instant::now();
    let error = storage.size(&key).await.unwrap_err();
    assert!(matches!(error, StorageError::Unreachable(_)), "{error:?}");
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
    let begin = Instant::now();
    let error = storage.begin(&key, PNG).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StorageError::Unreachable(_)), "{error:?}");
    assert!(begin.elapsed() < SOON, "{:?}", begin.elapsed());
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert_unreachable(&s3(&endpoint)).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let mut open = Vec::new();
        loop {
            open.push(listener.accept().await.unwrap());
        }
    });
    assert_unreachable(&s3(&endpoint)).await;
    serving.abort();
}

#[tokio::test]
async fn a_store_that_does_not_know_us_is_unreachable() {
    let store = Store::s3().await;
    let put = store.presign_put(&store.key(), 1).await;
    let endpoint = put.url.split("/media/").next().unwrap();
    let settings = [
        ("POSTBREEZE_MEDIA_STORE", "s3://media".to_owned()),
        ("AWS_ACCESS_KEY_ID", "an-access-key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "another secret".to_owned()),
        ("AWS_ENDPOINT_URL", endpoint.to_owned()),
    ];
    assert_unreachable(&open(settings, Clock::system())).await;
}

#[tokio::test]
async fn signing_asks_nobody() {
    let storage = s3("http://127.0.0.1:1");
    let expire_time = Clock::system().now() + chrono::TimeDelta::minutes(15);
    let key = key(&minter());
    storage.presign_put(&key, PNG, 12, expire_time).await.unwrap();
    storage.presign_get(&key, PNG, "a.png", expire_time).await.unwrap();
}

#[tokio::test]
async fn a_directory_that_is_gone_is_unreachable() {
    let store = Store::directory().await;
    let (key, other) = (store.uploaded(b"bytes").await, store.key());
    std::fs::remove_dir_all(store.path()).unwrap();
    std::fs::write(store.path(), "no directory").unwrap();
    let error = store.storage.begin(&key, PNG).await.map(|_| ()).unwrap_err();
    assert!(matches!(error, StorageError::Unreachable(_)), "{error:?}");
    let put = store.presign_put(&other, 5).await;
    assert_eq!(store.put(&put, "bytes").await, reqwest::StatusCode::SERVICE_UNAVAILABLE);
    std::fs::remove_file(store.path()).unwrap();
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-type: application/xml\r\n\
                content-length: 41\r\n\r\n<Error><Code>NoSuchBucket</Code></Error>\n";
            assert!(stream.read(&mut [0; 4_096]).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    let begun = s3(&endpoint).begin(&key(&minter()), PNG).await;
    let error = begun.map(|_| ()).unwrap_err();
    assert!(matches!(error, StorageError::Unreachable(_)), "{error:?}");
}
