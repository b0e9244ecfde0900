//! Objects that come bit by bit.

use bytes::Bytes;

use postbreeze_testkit::{until_that, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{PNG, Store, key, minter, peak_memory_bytes, s3};

on_every_store!(
    what_is_written_is_there_once_finished,
    nothing_is_an_object_too,
    what_is_aborted_leaves_nothing,
    what_was_left_behind_is_abandoned,
    abandoning_keeps_what_is_finished,
    a_large_object_is_never_in_memory,
);

const MIB: usize = 1024 * 1024;

async fn what_is_written_is_there_once_finished(store: Store) {
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    assert!(writing.upload_id().is_some());
    // Neither as large as parts are nor a divisor of it.
    let chunks: Vec<_> = (0..7).map(|i| Bytes::from(vec![i; 3 * MIB + 1])).collect();
    for chunk in &chunks {
        writing.write(chunk.clone()).await.unwrap();
        assert_eq!(store.storage.size(&key).await.unwrap(), None);
    }
    let size = 7 * (3 * MIB + 1);
    assert_eq!(writing.finish().await.unwrap(), size as u64);
    assert_eq!(store.storage.size(&key).await.unwrap(), Some(size as u64));
    assert!(store.storage.read(&key, u64::MAX).await.unwrap() == chunks.concat());
    let got = store.get(&store.presign_get(&key).await).await;
    assert!(got.bytes().await.unwrap() == chunks.concat());
}

async fn nothing_is_an_object_too(store: Store) {
    let key = store.key();
    let writing = store.storage.begin(&key, PNG).await.unwrap();
    assert_eq!(writing.finish().await.unwrap(), 0);
    assert_eq!(store.storage.size(&key).await.unwrap(), Some(0));
}

async fn what_is_aborted_leaves_nothing(store: Store) {
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    writing.write(vec![1; 20 * MIB].into()).await.unwrap();
    writing.abort().await.unwrap();
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    until_that("what was given up is gone", async || store.size_bytes(), |seen| *seen < MIB as u64)
        .await;
}

async fn what_was_left_behind_is_abandoned(store: Store) {
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    let upload_id = writing.upload_id().unwrap();
    writing.write(vec![1; 20 * MIB].into()).await.unwrap();
    // As a process that is killed does: nothing is cleaned up.
    std::mem::forget(writing);
    until_that("most of it is there", async || store.size_bytes(), |seen| *seen > 15 * MIB as u64)
        .await;
    store.storage.abandon(&key, Some(&upload_id)).await.unwrap();
    until_that("what was left is gone", async || store.size_bytes(), |seen| *seen < MIB as u64)
        .await;
    // The S3 server of the tests forbids what others do not find.
    if store.is_directory() {
        store.storage.abandon(&key, Some(&upload_id)).await.unwrap();
    }
    store.storage.abandon(&key, None).await.unwrap();
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

/// What AWS answers for an upload that is finished or was aborted before.
#[tokio::test]
async fn an_upload_that_s3_no_longer_knows_is_abandoned() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let storage = s3(&format!("http://{}", listener.local_addr().unwrap()));
    let answering = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 4_096];
        let read = stream.read(&mut request).await.unwrap();
        let body = "<Error><Code>NoSuchUpload</Code></Error>";
        let head = format!("HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        String::from_utf8_lossy(&request[..read]).into_owned()
    });
    storage.abandon(&key(&minter()), Some("an-upload")).await.unwrap();
    let request = within("the store is asked", answering).await.unwrap();
    assert!(request.starts_with("DELETE /media/wsp_"), "{request}");
    assert!(request.lines().next().unwrap().contains("?uploadId=an-upload"), "{request}");
}

async fn abandoning_keeps_what_is_finished(store: Store) {
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    let upload_id = writing.upload_id().unwrap();
    writing.write("bytes".into()).await.unwrap();
    writing.finish().await.unwrap();
    store.storage.abandon(&key, Some(&upload_id)).await.unwrap();
    assert_eq!(store.storage.read(&key, 100).await.unwrap(), "bytes");
}

async fn a_large_object_is_never_in_memory(store: Store) {
    static CHUNK: [u8; 64 * 1024] = [7; 64 * 1024];
    const CHUNKS: usize = 1_536;
    let before = peak_memory_bytes();
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    for _ in 0..CHUNKS {
        writing.write(Bytes::from_static(&CHUNK)).await.unwrap();
    }
    assert_eq!(writing.finish().await.unwrap(), (CHUNKS * CHUNK.len()) as u64);
    let grown = peak_memory_bytes() - before;
    // A part here, and what the S3 server of the test holds of it in the same process.
    assert!(grown < 48 * 1024 * 1024, "{grown} bytes more");
}
