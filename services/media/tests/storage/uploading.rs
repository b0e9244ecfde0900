//! A URL for a PUT, and what else it could be used for.

use chrono::TimeDelta;
use postbreeze_testkit::web::tampered;
use reqwest::StatusCode;

use crate::support::{EXPIRES_AFTER, PNG, Store, head, peak_memory_bytes, streamed};

on_every_store!(
    a_put_stores_what_was_announced,
    a_changed_signature_is_refused,
    an_expired_url_is_refused,
    another_type_is_refused,
    another_length_is_refused,
    a_body_without_a_length_is_refused,
    a_body_that_breaks_off_leaves_nothing,
    bytes_beyond_the_length_are_not_stored,
    a_second_put_is_refused,
    two_puts_at_once_store_one,
    a_url_writes_no_other_object,
    a_url_for_a_put_does_not_read,
    a_large_body_is_never_in_memory,
);

const BODY: &[u8] = b"twelve bytes";

async fn a_put_stores_what_was_announced(store: Store) {
    let key = store.key();
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    let put = store.presign_put(&key, BODY.len()).await;
    assert_eq!(store.put(&put, BODY).await, StatusCode::OK);
    store.storage.settle(&key).await.unwrap();
    assert_eq!(store.storage.size(&key).await.unwrap(), Some(12));
    assert_eq!(store.storage.read(&key, 12).await.unwrap(), BODY);
}

async fn a_changed_signature_is_refused(store: Store) {
    let key = store.key();
    let mut put = store.presign_put(&key, BODY.len()).await;
    put.url = tampered(&put.url);
    assert_eq!(store.put(&put, BODY).await, StatusCode::FORBIDDEN);
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

async fn an_expired_url_is_refused(store: Store) {
    let key = store.key();
    let late = EXPIRES_AFTER + TimeDelta::seconds(1);
    store.turn(-late);
    let put = store.presign_put(&key, BODY.len()).await;
    store.turn(late);
    assert_eq!(store.put(&put, BODY).await, StatusCode::FORBIDDEN);
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

async fn another_type_is_refused(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    for other in [Some("text/html"), Some("image/png; charset=utf-8"), None] {
        let request = head(&put, &[("content-type", other), ("connection", Some("close"))]);
        let answer = store.send_raw(&put.url, &[request.as_bytes(), BODY].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{other:?}: {answer}");
    }
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

async fn another_length_is_refused(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    for body in [&b"thirteen byte"[..], b"eleven byte", b""] {
        let length = body.len().to_string();
        let changes = [("content-length", Some(&*length)), ("connection", Some("close"))];
        let request = head(&put, &changes);
        let answer = store.send_raw(&put.url, &[request.as_bytes(), body].concat()).await;
        assert!(answer.starts_with("HTTP/1.1 403"), "{length}: {answer}");
    }
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

async fn a_body_without_a_length_is_refused(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let request = head(
        &put,
        &[
            ("content-length", None),
            ("transfer-encoding", Some("chunked")),
            ("connection", Some("close")),
        ],
    );
    let answer = store
        .send_raw(&put.url, format!("{request}c\r\ntwelve bytes\r\n0\r\n\r\n").as_bytes())
        .await;
    let status = if store.is_directory() { "HTTP/1.1 411" } else { "HTTP/1.1 4" };
    assert!(answer.starts_with(status), "{answer}");
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

async fn a_body_that_breaks_off_leaves_nothing(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let request = head(&put, &[]);
    let answer = store.send_raw(&put.url, &[request.as_bytes(), &BODY[..11]].concat()).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    assert_eq!(store.put(&put, BODY).await, StatusCode::OK);
}

async fn bytes_beyond_the_length_are_not_stored(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let request = head(&put, &[]);
    store.send_raw(&put.url, &[request.as_bytes(), BODY, b" and more of them"].concat()).await;
    assert_eq!(store.storage.read(&key, 1_000).await.unwrap(), BODY);
}

async fn a_second_put_is_refused(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    assert_eq!(store.put(&put, BODY).await, StatusCode::OK);
    assert_eq!(store.put(&put, "TWELVE BYTES").await, StatusCode::PRECONDITION_FAILED);
    // Nor without the header that says so.
    let changes = [("if-none-match", None), ("connection", Some("close"))];
    let request = [head(&put, &changes).as_bytes(), b"TWELVE BYTES"].concat();
    let answer = store.send_raw(&put.url, &request).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    assert_eq!(store.storage.read(&key, 12).await.unwrap(), BODY);
}

async fn two_puts_at_once_store_one(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, 4 * 1024 * 1024).await;
    let [one, other] = [1, 2].map(|byte| vec![byte; 4 * 1024 * 1024]);
    let (first, second) =
        tokio::join!(store.put(&put, one.clone()), store.put(&put, other.clone()));
    let stored = store.storage.read(&key, u64::MAX).await.unwrap();
    assert!(stored == one || stored == other);
    // A server of S3 that compares and writes in two steps may answer OK to both.
    if store.is_directory() {
        let mut answers = [first, second];
        answers.sort();
        assert_eq!(answers[0], StatusCode::OK);
        // The first was under way, or had ended.
        let refusals = [StatusCode::CONFLICT, StatusCode::PRECONDITION_FAILED];
        assert!(refusals.contains(&answers[1]), "{answers:?}");
    }
}

async fn a_url_writes_no_other_object(store: Store) {
    let (key, other) = (store.key(), store.key());
    let mut put = store.presign_put(&key, BODY.len()).await;
    put.url = put.url.replace(&key.to_string(), &other.to_string());
    assert_eq!(store.put(&put, BODY).await, StatusCode::FORBIDDEN);
    put.url = put.url.replace(&other.to_string(), "../other");
    assert!(store.put(&put, BODY).await.is_client_error());
    assert_eq!(store.storage.size(&other).await.unwrap(), None);
}

async fn a_url_for_a_put_does_not_read(store: Store) {
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    assert_eq!(store.put(&put, BODY).await, StatusCode::OK);
    let get = store.http.get(&put.url).header("content-type", PNG).send().await.unwrap();
    assert_eq!(get.status(), StatusCode::FORBIDDEN);
}

async fn a_large_body_is_never_in_memory(store: Store) {
    const SIZE: usize = 192 * 1024 * 1024;
    let key = store.uploaded(BODY).await;
    assert_eq!(store.storage.read(&key, 100).await.unwrap(), BODY);
    let before = peak_memory_bytes();
    let key = store.key();
    let put = store.presign_put(&key, SIZE).await;
    assert_eq!(store.put(&put, streamed(SIZE)).await, StatusCode::OK);
    let grown = peak_memory_bytes() - before;
    assert!(grown < 32 * 1024 * 1024, "{grown} bytes more");
    assert_eq!(store.storage.size(&key).await.unwrap(), Some(SIZE as u64));
}
