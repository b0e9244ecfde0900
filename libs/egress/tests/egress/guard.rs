//! Nothing is sent to a forbidden address, whoever names it.

use postbreeze_egress::{Egress, Error, Policy};

use crate::support::{
    LIMITS, Names, Server, Trap, allowing, answer, post, redirect, rest, same_port, write,
};

#[tokio::test]
async fn no_spelling_of_a_loopback_address_reaches_it() {
    let trap = Trap::set("127.0.0.1", 0).unwrap();
    let everywhere = Trap::set("0.0.0.0", 0).unwrap();
    let egress = Egress::new(Policy::default());
    for host in [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0x7F.1",
        "0177.0.0.1",
        "017700000001",
        "0000000177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        "127.0.0.1%00",
        "%31%32%37.0.0.1",
        "127.0.0.1%2f@example.com",
        "example.com@127.0.0.1",
        "user:password@127.0.0.1",
        "127.0.0.1\\@example.com",
        "example.com\\@127.0.0.1",
        "127。0。0。1",
        "１２７.0.0.1",
        "①②⑦.0.0.1",
        "0",
        "0.0.0.0",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "a.localhost",
        "ⓛocalhost",
        "loc\u{ad}alhost",
        "localhost.localdomain",
        "[::1]",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::127.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:FFFF:127.0.0.1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::127.0.0.1]",
        "[64:ff9b:1::127.0.0.1]",
        "[2002:7f00:1::]",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "[fe80::1]",
    ] {
        for port in [trap.port(), everywhere.port()] {
            let url = format!("http://{host}:{port}/");
            let checked = egress.check(&url).unwrap_err();
            assert!(matches!(checked, Error::Invalid(_) | Error::Forbidden), "{url}: {checked:?}");
            assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), checked, "{url}");
            assert_eq!(egress.post(&url, post("")).await.unwrap_err(), checked, "{url}");
        }
    }
    trap.assert_untouched();
    everywhere.assert_untouched();
}

#[tokio::test]
async fn a_name_with_a_forbidden_address_is_refused_like_the_address() {
    let egress = Egress::new(Policy::default());
    for address in [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "172.31.255.255",
        "192.168.1.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::1",
        "2001:0:1::1",
        "fd00:ec2::254",
        "fe80::1",
        "ff02::1",
    ] {
        let trap = Trap::set("127.0.0.1", 0).unwrap();
        let names = Names::default().with("media.test", &[&[address]]);
        let egress = egress.clone().with_resolver(names.clone());
        let url = format!("http://media.test:{}/", trap.port());
        assert!(egress.check(&url).is_ok(), "nothing is resolved");
        assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), Error::Forbidden, "{address}");
        assert_eq!(egress.post(&url, post("")).await.unwrap_err(), Error::Forbidden, "{address}");
        assert_eq!(names.asked().len(), 2);
        trap.assert_untouched();
    }
}

#[tokio::test]
async fn one_forbidden_address_spoils_an_answer() {
    for answers in [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"]] {
        let (listener, trap) = same_port("127.0.0.2", "127.0.0.1", Trap::set);
        let server = Server::on(listener, |_, _| {});
        let names = Names::default().with("media.test", &[&answers]);
        let egress = allowing(&["127.0.0.2/32"]).with_resolver(names);
        let url = server.url_as("media.test", "/");
        assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), Error::Forbidden);
        trap.assert_untouched();
        assert!(server.requests().is_empty());
    }
}

#[tokio::test]
async fn a_name_that_changes_after_it_was_judged_changes_nothing() {
    let (listener, trap) = same_port("127.0.0.2", "127.0.0.1", Trap::set);
    let ok = answer("200 OK", "", "checked");
    let server = Server::on(listener, move |_, stream| write(stream, &ok));
    let answers: &[&[&str]] = &[&["127.0.0.2"], &["127.0.0.1"]];
    let names = Names::default().with("media.test", answers);
    // Both may be reached: what is connected to is what the first answer named.
    let egress = allowing(&["127.0.0.0/8"]).with_resolver(names.clone());
    let url = server.url_as("media.test", "/");
    let mut download = egress.get(&url, LIMITS).await.unwrap();
    assert_eq!(rest(&mut download).await.unwrap(), b"checked");
    assert_eq!(names.asked(), ["media.test"]);
    trap.assert_untouched();
}

#[tokio::test]
async fn a_name_is_judged_anew_on_every_request() {
    let (listener, trap) = same_port("127.0.0.2", "127.0.0.1", Trap::set);
    let ok = answer("200 OK", "", "checked");
    let server = Server::on(listener, move |_, stream| write(stream, &ok));
    let answers: &[&[&str]] = &[&["127.0.0.2"], &["127.0.0.1"]];
    let names = Names::default().with("media.test", answers);
    let egress = allowing(&["127.0.0.2/32"]).with_resolver(names);
    let url = server.url_as("media.test", "/");
    assert_eq!(egress.post(&url, post("")).await.unwrap().status, 200);
    assert_eq!(egress.post(&url, post("")).await.unwrap_err(), Error::Forbidden);
    trap.assert_untouched();
}

#[tokio::test]
async fn every_request_has_a_connection_of_its_own() {
    let server = Server::answering("127.0.0.1", answer("200 OK", "", "a"));
    let egress = allowing(&["127.0.0.1/32"]);
    for _ in 0..3 {
        egress.post(&server.url("/"), post("")).await.unwrap();
    }
    // A server of this kind reads one request of each connection.
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_forbidden_address_looks_the_same_whether_anything_listens_there() {
    let egress = Egress::new(Policy::default());
    let trap = Trap::set("127.0.0.1", 0).unwrap();
    let port = trap.port();
    let open = egress.get(&format!("http://127.0.0.1:{port}/"), LIMITS).await.unwrap_err();
    trap.assert_untouched();
    drop(trap);
    let closed = egress.get(&format!("http://127.0.0.1:{port}/"), LIMITS).await.unwrap_err();
    let names = Names::default().with("media.test", &[&["127.0.0.1"]]);
    let egress = egress.with_resolver(names);
    let named = egress.get(&format!("http://media.test:{port}/"), LIMITS).await.unwrap_err();
    for error in [open, closed, named] {
        assert_eq!(error.to_string(), "is not a public address");
    }
}

#[tokio::test]
async fn other_ports_than_those_of_the_web_are_refused_before_anything_is_resolved() {
    let names = Names::default();
    let any = Egress::new(Policy::default()).with_resolver(names.clone());
    let web = any.clone().with_web_ports();
    for url in ["http://media.test:8080/", "https://media.test:22/", "http://93.184.215.14:25/"] {
        assert_eq!(any.check(url).map(String::from), Ok(url.to_owned()));
        assert_eq!(web.check(url), Err(Error::ForbiddenPort), "{url}");
        assert_eq!(web.get(url, LIMITS).await.unwrap_err(), Error::ForbiddenPort, "{url}");
        assert_eq!(web.post(url, post("")).await.unwrap_err(), Error::ForbiddenPort, "{url}");
    }
    assert!(names.asked().is_empty());
    for url in ["http://media.test/", "https://media.test/", "http://media.test:443/"] {
        assert!(web.check(url).is_ok(), "{url}");
    }
    assert_eq!(web.check("http://127.0.0.1:8080/"), Err(Error::Forbidden));
}

#[tokio::test]
async fn any_port_may_be_at_networks_that_the_operator_names_and_at_no_other() {
    let names = Names::default()
        .with("own.test", &[&["127.0.0.1"]])
        .with("public.test", &[&["93.184.215.14"]])
        .with("mixed.test", &[&["127.0.0.1", "93.184.215.14"]]);
    let egress = allowing(&["127.0.0.1/32"]).with_resolver(names).with_web_ports();
    let server = Server::answering("127.0.0.1", answer("200 OK", "", "a"));
    for url in [server.url("/"), server.url_as("own.test", "/")] {
        assert_eq!(rest(&mut egress.get(&url, LIMITS).await.unwrap()).await.unwrap(), b"a");
    }
    for name in ["public.test", "mixed.test", "unknown.test"] {
        let url = server.url_as(name, "/");
        let leads_there = Server::answering("127.0.0.1", redirect(&url));
        for url in [url, leads_there.url("/")] {
            assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), Error::ForbiddenPort, "{url}");
        }
    }
}
