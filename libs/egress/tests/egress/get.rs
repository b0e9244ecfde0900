//! GET: what arrives, and every limit.

use std::{
    io,
    net::{IpAddr, TcpListener},
    time::{Duration, Instant},
};

use futures_util::future::{BoxFuture, pending};
use postbreeze_egress::{Error, Limits, Resolve};

use crate::support::{
    LIMITS, Names, SHORT, Server, Silence, allowing, answer, drip, failure, hold, local, repeat,
    rest, same_port, write,
};

const HEAD: &str = "HTTP/1.1 200 OK\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn a_body_arrives_whole_with_what_its_head_says() {
    let server =
        Server::answering("127.0.0.1", answer("200 OK", "Content-Type: image/png\r\n", "picture"));
    let url = server.url("/a%20b.png?c=d");
    let mut download = local().get(&format!("{url}#fragment"), LIMITS).await.unwrap();
    assert_eq!(download.url().as_str(), url);
    assert_eq!(download.content_type(), Some("image/png"));
    assert_eq!(download.content_length(), Some(7));
    assert_eq!(rest(&mut download).await.unwrap(), b"picture");
    assert_eq!(download.chunk().await, Ok(None));
}

#[tokio::test]
async fn a_request_says_little() {
    let server = Server::answering("127.0.0.1", answer("200 OK", "", ""));
    local().get(&server.url("/a?b#c"), LIMITS).await.unwrap();
    let request = &server.requests()[0];
    let (line, headers) = request.split_once("\r\n").unwrap();
    assert_eq!(line, "GET /a?b HTTP/1.1");
    let mut headers: Vec<&str> = headers.trim_end().split("\r\n").collect();
    headers.sort_unstable();
    assert_eq!(
        headers,
        [
            "accept-encoding: identity",
            "connection: close",
            &format!("host: {}", server.address),
            "user-agent: Postbreeze",
        ]
    );
}

#[tokio::test]
async fn a_body_of_unknown_length_arrives_whole() {
    for body in [
        format!("{CHUNKED}3\r\npic\r\n4\r\nture\r\n0\r\nTrailer: x\r\n\r\n"),
        format!("{HEAD}\r\npicture"),
        "HTTP/1.0 200 OK\r\n\r\npicture".to_owned(),
    ] {
        let server = Server::answering("127.0.0.1", body);
        let mut download = local().get(&server.url("/"), LIMITS).await.unwrap();
        assert_eq!(download.content_length(), None);
        assert_eq!(rest(&mut download).await.unwrap(), b"picture");
    }
}

#[tokio::test]
async fn a_body_that_claims_to_be_too_large_is_not_read() {
    let server = Server::start("127.0.0.1", |_, stream| {
        write(stream, format!("{HEAD}Content-Length: 10737418240\r\n\r\n"));
        hold(stream);
    });
    assert_eq!(local().get(&server.url("/"), LIMITS).await.unwrap_err(), Error::TooLarge);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_arrives_and_one_byte_more_does_not() {
    let limits = Limits { max_bytes: 7, ..LIMITS };
    for (body, complete) in [("picture", true), ("pictures", false)] {
        for head in [format!("{HEAD}\r\n"), format!("{HEAD}Content-Length: {}\r\n\r\n", body.len())]
        {
            let server = Server::answering("127.0.0.1", format!("{head}{body}"));
            if complete {
                let mut download = local().get(&server.url("/"), limits).await.unwrap();
                assert_eq!(rest(&mut download).await.unwrap(), body.as_bytes());
            } else {
                assert_eq!(failure(&local(), &server.url("/"), limits).await, Error::TooLarge);
            }
        }
    }
}

#[tokio::test]
async fn an_endless_body_is_cut_at_the_limit_and_stays_failed() {
    let server = Server::start("127.0.0.1", |_, stream| {
        write(stream, CHUNKED);
        repeat(stream, "10\r\n0123456789abcdef\r\n");
    });
    let mut download = local().get(&server.url("/"), LIMITS).await.unwrap();
    let mut read = 0;
    let error = loop {
        match download.chunk().await {
            Ok(chunk) => read += chunk.unwrap().len(),
            Err(error) => break error,
        }
    };
    assert_eq!(error, Error::TooLarge);
    assert!(read > 900_000 && read <= 1_000_000, "{read}");
    assert_eq!(download.chunk().await, Err(Error::TooLarge));
}

#[tokio::test]
async fn a_body_that_stalls_is_given_up() {
    let server = Server::start("127.0.0.1", |_, stream| {
        write(stream, format!("{HEAD}Content-Length: 100\r\n\r\npart"));
        hold(stream);
    });
    for limits in [Limits { idle: SHORT, ..LIMITS }, Limits { total: SHORT, ..LIMITS }] {
        let mut download = local().get(&server.url("/"), limits).await.unwrap();
        assert_eq!(download.chunk().await.unwrap().unwrap(), "part");
        assert_eq!(download.chunk().await, Err(Error::TimedOut));
    }
}

#[tokio::test]
async fn the_total_goes_on_while_nobody_reads() {
    let server = Server::answering("127.0.0.1", answer("200 OK", "", "picture"));
    let mut download = local().get(&server.url("/"), LIMITS).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(LIMITS.total).await;
    assert_eq!(download.chunk().await, Err(Error::TimedOut));
}

#[tokio::test]
async fn a_body_that_broke_off_never_looks_complete() {
    let server = Server::answering("127.0.0.1", format!("{HEAD}Content-Length: 10\r\n\r\npart"));
    let mut download = local().get(&server.url("/"), LIMITS).await.unwrap();
    assert_eq!(download.chunk().await.unwrap().unwrap(), "part");
    for _ in 0..3 {
        assert_eq!(download.chunk().await, Err(Error::Broken));
    }
}

#[tokio::test]
async fn a_body_that_never_stalls_is_given_up_after_the_total() {
    let slow = Server::start("127.0.0.1", |_, stream| {
        write(stream, CHUNKED);
        drip(stream, "1\r\na\r\n", Duration::from_millis(10));
    });
    let endless = Server::start("127.0.0.1", |_, stream| {
        write(stream, format!("{HEAD}\r\n"));
        repeat(stream, &"a".repeat(65_536));
    });
    let limits = Limits { total: SHORT, max_bytes: u64::MAX, ..LIMITS };
    for server in [slow, endless] {
        assert_eq!(failure(&local(), &server.url("/"), limits).await, Error::TimedOut);
    }
}

#[tokio::test]
async fn a_head_that_does_not_come_in_time_is_given_up() {
    let silent = Server::start("127.0.0.1", |_, stream| hold(stream));
    let slow = Server::start("127.0.0.1", |_, stream| {
        write(stream, HEAD);
        drip(stream, "A: b\r\n", Duration::from_millis(10));
    });
    let hints = Server::start("127.0.0.1", |_, stream| {
        drip(stream, "HTTP/1.1 103 Early Hints\r\n\r\n", Duration::from_millis(10));
    });
    for server in [silent, slow, hints] {
        for limits in [Limits { idle: SHORT, ..LIMITS }, Limits { total: SHORT, ..LIMITS }] {
            assert_eq!(failure(&local(), &server.url("/"), limits).await, Error::TimedOut);
        }
    }
}

#[tokio::test]
async fn a_head_may_have_16_kib() {
    for (kib, fits) in [(15, true), (17, false)] {
        let header = format!("A: {}\r\n", "b".repeat(kib * 1_024));
        let server = Server::answering("127.0.0.1", answer("200 OK", &header, ""));
        let answered = local().get(&server.url("/"), LIMITS).await;
        assert_eq!(answered.err(), (!fits).then_some(Error::Broken), "{kib}");
    }
}

#[tokio::test]
async fn a_head_that_has_no_end_is_refused() {
    let one = Server::start("127.0.0.1", |_, stream| {
        write(stream, format!("{HEAD}A: "));
        repeat(stream, "b");
    });
    let many = Server::start("127.0.0.1", |_, stream| {
        write(stream, HEAD);
        repeat(stream, "A: b\r\n");
    });
    let status = Server::start("127.0.0.1", |_, stream| {
        write(stream, "HTTP/1.1 200 ");
        repeat(stream, "OK");
    });
    let trailers = Server::start("127.0.0.1", |_, stream| {
        write(stream, format!("{CHUNKED}0\r\n"));
        repeat(stream, "A: b\r\n");
    });
    for server in [one, many, status, trailers] {
        assert_eq!(failure(&local(), &server.url("/"), LIMITS).await, Error::Broken);
    }
}

#[tokio::test]
async fn a_compressed_body_is_refused_before_it_is_read() {
    for encoding in ["gzip", "br", "identity, gzip", "GZIP", "x"] {
        let headers = format!("Content-Encoding: {encoding}\r\n");
        let server = Server::answering("127.0.0.1", answer("200 OK", &headers, "\x1f"));
        let error = local().get(&server.url("/"), LIMITS).await.unwrap_err();
        assert_eq!(error, Error::Encoding, "{encoding}");
    }
    for encoding in ["identity", " Identity", ""] {
        let headers = format!("Content-Encoding: {encoding}\r\n");
        let server = Server::answering("127.0.0.1", answer("200 OK", &headers, "a"));
        let mut download = local().get(&server.url("/"), LIMITS).await.unwrap();
        assert_eq!(rest(&mut download).await.unwrap(), b"a", "{encoding}");
    }
}

#[tokio::test]
async fn a_status_that_is_no_success_is_an_error() {
    for status in [304, 400, 404, 500, 503] {
        let server = Server::answering("127.0.0.1", answer(&format!("{status} X"), "", "secret"));
        let error = local().get(&server.url("/"), LIMITS).await.unwrap_err();
        assert_eq!(error, Error::Status(status));
    }
}

#[tokio::test]
async fn what_is_not_complete_and_correct_http_is_broken() {
    for bytes in [
        "",
        "\0\0\0\0",
        "SSH-2.0-OpenSSH_9.2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ] {
        let server = Server::answering("127.0.0.1", bytes);
        assert_eq!(failure(&local(), &server.url("/"), LIMITS).await, Error::Broken, "{bytes}");
    }
}

#[tokio::test]
async fn where_nobody_listens_nothing_is_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    assert_eq!(failure(&local(), &url, LIMITS).await, Error::Connect);
}

#[tokio::test]
async fn another_address_of_a_name_is_tried_when_the_first_refuses() {
    let server = Server::answering("127.0.0.1", answer("200 OK", "", "a"));
    let names = Names::default().with("media.test", &[&["127.0.0.2", "127.0.0.1"]]);
    let egress = allowing(&["127.0.0.1/32", "127.0.0.2/32"]).with_resolver(names);
    let mut download = egress.get(&server.url_as("media.test", "/"), LIMITS).await.unwrap();
    assert_eq!(rest(&mut download).await.unwrap(), b"a");
}

#[tokio::test]
async fn an_address_that_is_silent_leaves_time_for_another() {
    let (listener, silent) = same_port("127.0.0.1", "127.0.0.2", Silence::set);
    let server = Server::on(listener, |_, stream| write(stream, answer("200 OK", "", "a")));
    let names = Names::default().with("media.test", &[&["127.0.0.2", "127.0.0.1"]]);
    let egress = allowing(&["127.0.0.1/32", "127.0.0.2/32"]).with_resolver(names);
    let limits = Limits { connect: Duration::from_secs(4), ..LIMITS };
    let begin = Instant::now();
    let mut download = egress.get(&server.url_as("media.test", "/"), limits).await.unwrap();
    assert_eq!(rest(&mut download).await.unwrap(), b"a");
    // The silent one had its half.
    let taken = begin.elapsed();
    assert!(
        taken > Duration::from_millis(1_900) && taken < Duration::from_millis(3_500),
        "{taken:?}"
    );
    let alone = format!("http://{}/", silent.address);
    let limits = Limits { connect: SHORT, ..LIMITS };
    assert_eq!(failure(&egress, &alone, limits).await, Error::Connect);
}

/// A resolver that never answers.
struct Silent;

impl Resolve for Silent {
    fn resolve<'a>(&'a self, _name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(pending())
    }
}

#[tokio::test]
async fn a_name_without_an_address_is_unresolvable() {
    let names = Names::default().with("empty.test", &[&[]]);
    let egress = local().with_resolver(names);
    for url in ["http://unknown.test/", "http://empty.test/"] {
        assert_eq!(failure(&egress, url, LIMITS).await, Error::Unresolvable);
    }
    let limits = Limits { connect: SHORT, ..LIMITS };
    let egress = local().with_resolver(Silent);
    assert_eq!(failure(&egress, "http://silent.test/", limits).await, Error::Unresolvable);
}
