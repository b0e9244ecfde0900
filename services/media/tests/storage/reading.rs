//! A URL for a GET, and what the service itself reads and deletes.

use chrono::TimeDelta;
use postbreeze_media::storage::StorageError;
use postbreeze_testkit::web::tampered;
use reqwest::{
    StatusCode,
    header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE},
};

use crate::support::{EXPIRES_AFTER, PNG, Store};

on_every_store!(
    a_get_returns_bytes_and_type_and_name,
    a_get_returns_a_range,
    a_get_is_refused_when_expired_or_changed,
    a_get_reads_no_other_object,
    the_service_reads_ranges,
    a_read_is_bounded,
    what_is_not_there_is_not_found,
    what_is_deleted_is_gone,
    a_small_object_is_written_over,
);

const BODY: &[u8] = b"twelve bytes";

async fn a_get_returns_bytes_and_type_and_name(store: Store) {
    let key = store.uploaded(BODY).await;
    let got = store.get(&store.presign_get(&key).await).await;
    assert_eq!(got.status(), StatusCode::OK);
    assert_eq!(got.headers()[CONTENT_TYPE], PNG);
    assert_eq!(got.headers()[CONTENT_LENGTH], "12");
    assert_eq!(
        got.headers()[CONTENT_DISPOSITION],
        "attachment; filename=\"a____.png\"; filename*=UTF-8''a%20%22%C3%9F%22.png"
    );
    assert_eq!(got.bytes().await.unwrap(), BODY);
}

async fn a_get_returns_a_range(store: Store) {
    let key = store.uploaded(BODY).await;
    let url = store.presign_get(&key).await;
    for (range, what, bytes) in [
        ("bytes=7-8", "bytes 7-8/12", &BODY[7..9]),
        ("bytes=7-", "bytes 7-11/12", &BODY[7..]),
        ("bytes=-5", "bytes 7-11/12", &BODY[7..]),
    ] {
        let got = store.http.get(&url).header(RANGE, range).send().await.unwrap();
        assert_eq!(got.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(got.headers()[CONTENT_RANGE], what);
        assert_eq!(got.bytes().await.unwrap(), bytes);
    }
    let got = store.http.get(&url).header(RANGE, "bytes=12-").send().await.unwrap();
    assert_eq!(got.status(), StatusCode::RANGE_NOT_SATISFIABLE);
}

async fn a_get_is_refused_when_expired_or_changed(store: Store) {
    let key = store.uploaded(BODY).await;
    let url = store.presign_get(&key).await;
    assert_eq!(store.get(&tampered(&url)).await.status(), StatusCode::FORBIDDEN);
    let other_type = url.replace("image%2Fpng", "text%2Fhtml");
    assert_ne!(other_type, url);
    assert_eq!(store.get(&other_type).await.status(), StatusCode::FORBIDDEN);
    let late = EXPIRES_AFTER + TimeDelta::seconds(1);
    store.turn(-late);
    let url = store.presign_get(&key).await;
    store.turn(late);
    assert_eq!(store.get(&url).await.status(), StatusCode::FORBIDDEN);
}

async fn a_get_reads_no_other_object(store: Store) {
    let (key, other) = (store.uploaded(BODY).await, store.uploaded(b"of another").await);
    let url = store.presign_get(&key).await.replace(&key.to_string(), &other.to_string());
    assert_eq!(store.get(&url).await.status(), StatusCode::FORBIDDEN);
}

async fn the_service_reads_ranges(store: Store) {
    let key = store.uploaded(BODY).await;
    assert_eq!(store.storage.read_range(&key, 7..9).await.unwrap(), BODY[7..9]);
    assert_eq!(store.storage.read_range(&key, 7..100).await.unwrap(), BODY[7..]);
    assert!(store.storage.read_range(&key, 12..13).await.is_err());
}

async fn a_read_is_bounded(store: Store) {
    let key = store.uploaded(BODY).await;
    let error = store.storage.read(&key, 11).await.unwrap_err();
    assert!(matches!(error, StorageError::TooLarge { max_bytes: 11 }), "{error:?}");
    assert_eq!(store.storage.read(&key, 12).await.unwrap(), BODY);
}

async fn what_is_not_there_is_not_found(store: Store) {
    let key = store.key();
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    let error = store.storage.read(&key, 100).await.unwrap_err();
    assert!(matches!(error, StorageError::NotFound), "{error:?}");
    let error = store.storage.read_range(&key, 0..1).await.unwrap_err();
    assert!(matches!(error, StorageError::NotFound), "{error:?}");
    assert_eq!(store.get(&store.presign_get(&key).await).await.status(), StatusCode::NOT_FOUND);
}

async fn what_is_deleted_is_gone(store: Store) {
    let (key, other) = (store.uploaded(BODY).await, store.uploaded(BODY).await);
    let url = store.presign_get(&key).await;
    store.storage.delete(&key).await.unwrap();
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    assert_eq!(store.get(&url).await.status(), StatusCode::NOT_FOUND);
    store.storage.delete(&key).await.unwrap();
    assert_eq!(store.storage.size(&other).await.unwrap(), Some(12));
}

async fn a_small_object_is_written_over(store: Store) {
    let key = store.key();
    store.storage.put(&key, "image/jpeg", "one".into()).await.unwrap();
    store.storage.put(&key, "image/jpeg", "another".into()).await.unwrap();
    assert_eq!(store.storage.read(&key, 100).await.unwrap(), "another");
}
