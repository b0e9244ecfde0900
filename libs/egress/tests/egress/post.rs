//! POST: what is sent, and what of the answer is read.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};
use postbreeze_egress::{Error, Post};

use crate::support::{SHORT, Server, Trap, answer, hold, local, post, redirect, repeat, write};

#[tokio::test]
async fn a_body_is_sent_with_its_headers_and_the_answer_read() {
    let server = Server::answering("127.0.0.1", answer("202 Accepted", "", "thanks"));
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("x-signature", HeaderValue::from_static("abc"));
    headers.insert("user-agent", HeaderValue::from_static("Hooks"));
    let sent = Post { headers, ..post("{\"a\": 1}") };
    let answer = local().post(&server.url("/hook?b"), sent).await.unwrap();
    assert_eq!((answer.status, &answer.body[..]), (202, &b"thanks"[..]));
    let request = &server.requests()[0];
    assert!(request.starts_with("POST /hook?b HTTP/1.1\r\n"), "{request}");
    assert!(request.ends_with("\r\n\r\n{\"a\": 1}"), "{request}");
    for header in [
        "content-type: application/json",
        "x-signature: abc",
        "user-agent: Hooks",
        "content-length: 8",
        "accept-encoding: identity",
    ] {
        assert!(request.contains(&format!("\r\n{header}\r\n")), "{header} of {request}");
    }
}

#[tokio::test]
async fn headers_cannot_change_where_a_body_goes_or_ends() {
    let server = Server::answering("127.0.0.1", answer("200 OK", "", ""));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("host", "other.test"),
        ("content-length", "1"),
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("accept-encoding", "gzip"),
        ("upgrade", "h2c"),
        ("te", "trailers"),
        ("trailer", "a"),
        ("expect", "100-continue"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    local().post(&server.url("/"), Post { headers, ..post("body") }).await.unwrap();
    let request = &server.requests()[0];
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "body");
    let mut lines: Vec<&str> = head.split("\r\n").skip(1).collect();
    lines.sort_unstable();
    assert_eq!(
        lines,
        [
            "accept-encoding: identity",
            "connection: close",
            "content-length: 4",
            &format!("host: {}", server.address),
            "user-agent: Postbreeze",
        ]
    );
}

#[tokio::test]
async fn a_redirect_is_a_status_and_not_followed() {
    let trap = Trap::set("127.0.0.1", 0).unwrap();
    let target = format!("http://127.0.0.1:{}/", trap.port());
    let server = Server::answering("127.0.0.1", redirect(&target));
    assert_eq!(local().post(&server.url("/"), post("a")).await.unwrap().status, 302);
    assert_eq!(server.requests().len(), 1);
    trap.assert_untouched();
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_answer() {
    for status in [400, 410, 500] {
        let server = Server::answering("127.0.0.1", answer(&format!("{status} X"), "", "why"));
        let answer = local().post(&server.url("/"), post("a")).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (status, &b"why"[..]));
    }
}

#[tokio::test]
async fn only_the_beginning_of_an_answer_is_read() {
    let endless = Server::start("127.0.0.1", |_, stream| {
        write(stream, "HTTP/1.1 200 OK\r\n\r\n");
        repeat(stream, "0123456789");
    });
    let huge = Server::start("127.0.0.1", |_, stream| {
        write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10737418240\r\n\r\n");
        repeat(stream, "0123456789");
    });
    for server in [endless, huge] {
        let sent = Post { answer_bytes: 12, ..post("a") };
        let answer = local().post(&server.url("/"), sent).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"012345678901"[..]));
    }
}

#[tokio::test]
async fn an_answer_that_stalls_or_breaks_off_has_been_given() {
    let stalls = Server::start("127.0.0.1", |_, stream| {
        write(stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
        hold(stream);
    });
    let breaks =
        Server::answering("127.0.0.1", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\npart");
    for server in [stalls, breaks] {
        let sent = Post { timeout: SHORT, ..post("a") };
        let answer = local().post(&server.url("/"), sent).await.unwrap();
        assert_eq!((answer.status, &answer.body[..]), (200, &b"part"[..]));
    }
}

#[tokio::test]
async fn without_a_status_in_time_there_is_no_answer() {
    let silent = Server::start("127.0.0.1", |_, stream| hold(stream));
    let sent = Post { timeout: SHORT, ..post("a") };
    assert_eq!(local().post(&silent.url("/"), sent).await, Err(Error::TimedOut));
    let broken = Server::answering("127.0.0.1", "");
    assert_eq!(local().post(&broken.url("/"), post("a")).await, Err(Error::Broken));
}

#[tokio::test]
async fn a_large_body_that_nobody_reads_ends_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let body = vec![b'a'; 64 * 1_024 * 1_024].into();
    let sent = Post { body, timeout: Duration::from_millis(500), ..post("") };
    assert_eq!(local().post(&url, sent).await, Err(Error::TimedOut));
}
