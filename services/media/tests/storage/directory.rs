//! What only the directory's own HTTP side does.

use std::time::Duration;

use chrono::TimeDelta;
use postbreeze_testkit::{until_eq, until_that, web::tampered};
use reqwest::{
    Method, StatusCode,
    header::{
        ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
        ALLOW, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
    },
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{PNG, Store, connect, head, streamed};

const BODY: &[u8] = b"twelve bytes";

#[tokio::test]
async fn a_browser_may_put_from_any_page() {
    let store = Store::directory().await;
    let put = store.presign_put(&store.key(), BODY.len()).await;
    let asked = store.http.request(Method::OPTIONS, &put.url).send().await.unwrap();
    assert_eq!(asked.status(), StatusCode::NO_CONTENT);
    assert_eq!(asked.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    assert!(asked.headers()[ACCESS_CONTROL_ALLOW_METHODS].to_str().unwrap().contains("PUT"));
    assert_eq!(asked.headers()[ACCESS_CONTROL_ALLOW_HEADERS], "*");
    let answer = crate::support::send(&store.http, &put, BODY.into()).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
}

#[tokio::test]
async fn what_is_stored_is_never_taken_for_something_else() {
    let store = Store::directory().await;
    let key = store.uploaded(BODY).await;
    let got = store.get(&store.presign_get(&key).await).await;
    assert_eq!(got.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
}

#[tokio::test]
async fn a_head_tells_what_a_get_would_send() {
    let store = Store::directory().await;
    let key = store.uploaded(BODY).await;
    let told = store.http.head(store.presign_get(&key).await).send().await.unwrap();
    assert_eq!(told.status(), StatusCode::OK);
    assert_eq!(told.headers()[CONTENT_LENGTH], "12");
    assert_eq!(told.headers()[CONTENT_TYPE], PNG);
}

#[tokio::test]
async fn nothing_else_is_served() {
    let store = Store::directory().await;
    let key = store.uploaded(BODY).await;
    let url = store.presign_get(&key).await;
    let answer = store.http.delete(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(answer.headers().contains_key(ALLOW));
    let origin = url.split("/bytes/").next().unwrap();
    for path in
        ["/", "/bytes/", "/bytes/.staging", "/bytes/%2e%2e/%2e%2e/etc/passwd", "/bytes//etc/passwd"]
    {
        let answer = store.get(&format!("{origin}{path}")).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    // Without the path that URLs begin with.
    assert_eq!(store.get(&url.replace("/bytes/", "/")).await.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_refusal_arrives_although_the_body_is_still_coming() {
    let store = Store::directory().await;
    let mut put = store.presign_put(&store.key(), 64 * 1024 * 1024).await;
    put.url = tampered(&put.url);
    for _ in 0..20 {
        let answer = crate::support::send(&store.http, &put, streamed(64 * 1024 * 1024)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
        assert_eq!(answer.text().await.unwrap(), "this URL was not made here");
    }
}

#[tokio::test]
async fn a_connection_serves_one_request_after_another() {
    let store = Store::directory().await;
    let key = store.uploaded(BODY).await;
    let url: url::Url = store.presign_get(&key).await.parse().unwrap();
    let get = format!("GET {}?{} HTTP/1.1\r\nhost: h\r\n\r\n", url.path(), url.query().unwrap());
    let answer = store.send_raw(url.as_str(), get.repeat(3).as_bytes()).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 3);
    assert_eq!(answer.matches("twelve bytes").count(), 3);
}

#[tokio::test(start_paused = true)]
async fn headers_that_do_not_come_are_not_waited_for() {
    let store = Store::directory().await;
    let put = store.presign_put(&store.key(), BODY.len()).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(b"PUT /bytes HTTP/1.1\r\nhost: h\r\n").await.unwrap();
    let begin = tokio::time::Instant::now();
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer).await);
    assert!(begin.elapsed() <= Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let store = Store::directory().await;
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(&[head(&put, &[]).as_bytes(), &BODY[..5]].concat()).await.unwrap();
    let begin = tokio::time::Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begin.elapsed() <= Duration::from_secs(40), "{:?}", begin.elapsed());
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
    until_eq("nothing is left", 0, async || store.size_bytes()).await;
}

#[tokio::test(start_paused = true)]
async fn a_body_that_drips_is_given_up() {
    let store = Store::directory().await;
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(head(&put, &[]).as_bytes()).await.unwrap();
    for byte in BODY.iter().take(5) {
        stream.write_all(&[*byte]).await.unwrap();
        tokio::time::sleep(Duration::from_secs(20)).await;
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert_eq!(store.storage.size(&key).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_large_body_that_drips_is_given_up_as_soon_as_a_small_one() {
    let store = Store::directory().await;
    let key = store.key();
    let put = store.presign_put(&key, 1024 * 1024 * 1024).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(head(&put, &[]).as_bytes()).await.unwrap();
    let begin = tokio::time::Instant::now();
    let (mut reader, mut writer) = stream.split();
    let dripping = async {
        while writer.write_all(b"a").await.is_ok() {
            tokio::time::sleep(Duration::from_secs(20)).await;
        }
        std::future::pending::<()>().await;
    };
    let mut answer = String::new();
    tokio::select! {
        () = dripping => {}
        read = reader.read_to_string(&mut answer) => drop(read.unwrap()),
    }
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(begin.elapsed() <= Duration::from_secs(70), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn while_an_object_is_being_sent_nothing_else_is_taken_for_it() {
    let store = Store::directory().await;
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(&[head(&put, &[]).as_bytes(), &BODY[..5]].concat()).await.unwrap();
    until_eq("the first bytes are there", true, async || has_staged(&store)).await;
    for _ in 0..3 {
        assert_eq!(store.put(&put, BODY).await, StatusCode::CONFLICT);
    }
    assert_eq!(std::fs::read_dir(store.path().join(".staging")).unwrap().count(), 1);
    // Another object is none of its business.
    store.uploaded(BODY).await;
    drop(stream);
    until_eq("some bytes are there", false, async || has_staged(&store)).await;
    assert_eq!(store.put(&put, BODY).await, StatusCode::OK);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_cut_off() {
    const SIZE: usize = 64 * 1024 * 1024;
    let store = Store::directory().await;
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    writing.write(vec![7; SIZE].into()).await.unwrap();
    writing.finish().await.unwrap();
    let url: url::Url = store.presign_get(&key).await.parse().unwrap();
    let mut stream = connect(url.as_str()).await;
    let get = format!("GET {}?{} HTTP/1.1\r\nhost: h\r\n\r\n", url.path(), url.query().unwrap());
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut got = vec![0];
    stream.read_exact(&mut got).await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    drop(stream.read_to_end(&mut got).await);
    assert!(got.len() < SIZE, "all of it was sent");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_little_at_a_time_is_cut_off() {
    const SIZE: usize = 64 * 1024 * 1024;
    let store = Store::directory().await;
    let key = store.key();
    let mut writing = store.storage.begin(&key, PNG).await.unwrap();
    writing.write(vec![7; SIZE].into()).await.unwrap();
    writing.finish().await.unwrap();
    let url: url::Url = store.presign_get(&key).await.parse().unwrap();
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let port = url.port().unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap();
    let get = format!("GET {}?{} HTTP/1.1\r\nhost: h\r\n\r\n", url.path(), url.query().unwrap());
    stream.write_all(get.as_bytes()).await.unwrap();
    let mut got = 0;
    let mut some = vec![0; 48 * 1024];
    // Never nothing for half a minute, and yet too slow.
    while stream.read_exact(&mut some).await.is_ok() {
        got += some.len();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert!(got < SIZE - some.len(), "all of it was sent");
}

#[tokio::test]
async fn a_stop_lets_an_upload_end() {
    let store = Store::directory().await;
    let key = store.key();
    let put = store.presign_put(&key, BODY.len()).await;
    let mut stream = connect(&put.url).await;
    stream.write_all(&[head(&put, &[]).as_bytes(), &BODY[..5]].concat()).await.unwrap();
    let look = async || (store.size_bytes(), has_staged(&store));
    until_that("the first bytes are there", look, |(bytes, staged)| *bytes == 5 || *staged).await;
    store.stopping.cancel();
    // No new connections: the listener is closed.
    until_eq("somebody listens", false, async || {
        std::net::TcpStream::connect(stream.peer_addr().unwrap()).is_ok()
    })
    .await;
    stream.write_all(&BODY[5..]).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(store.storage.size(&key).await.unwrap(), Some(12));
}

fn has_staged(store: &Store) -> bool {
    std::fs::read_dir(store.path().join(".staging")).unwrap().next().is_some()
}

#[tokio::test]
async fn what_interrupted_writes_left_behind_is_swept_when_it_is_old() {
    let store = Store::directory().await;
    let mut writing = store.storage.begin(&store.key(), PNG).await.unwrap();
    writing.write("left behind".into()).await.unwrap();
    std::mem::forget(writing);
    let day = Duration::from_hours(24);
    assert_eq!(store.storage.sweep_staging(day).await.unwrap(), 0);
    assert!(has_staged(&store));
    store.turn(TimeDelta::days(1) + TimeDelta::minutes(1));
    assert_eq!(store.storage.sweep_staging(day).await.unwrap(), 1);
    assert!(!has_staged(&store));
}
