//! Redirects of a GET: followed a few times, and judged like the first URL.

use postbreeze_egress::{Error, Invalid};

use crate::support::{
    LIMITS, Names, Server, Trap, allowing, answer, failure, local, redirect, rest, same_port, write,
};

#[tokio::test]
async fn redirects_are_followed_to_the_final_url() {
    for status in ["301 A", "302 B", "303 C", "307 D", "308 E"] {
        let server = Server::start("127.0.0.1", move |request, stream| {
            let reply = match request.split(' ').nth(1).unwrap() {
                "/1" => answer(status, "Location: 2?a=b\r\n", "ignored"),
                "/2?a=b" => answer(status, "Location: /3#c\r\n", ""),
                "/3" => answer(status, "Location: 4\r\n", ""),
                _ => answer("200 OK", "", "final"),
            };
            write(stream, reply);
        });
        let mut download = local().get(&server.url("/1"), LIMITS).await.unwrap();
        assert_eq!(download.url().as_str(), server.url("/4"));
        assert_eq!(rest(&mut download).await.unwrap(), b"final");
        assert_eq!(server.requests().len(), 4);
    }
}

#[tokio::test]
async fn a_chain_ends_after_three_redirects() {
    let chain = Server::start("127.0.0.1", |request, stream| {
        let number: u32 = request.split(['/', ' ']).nth(2).unwrap().parse().unwrap();
        write(stream, redirect(&format!("/{}", number + 1)));
    });
    let circle = Server::answering("127.0.0.1", redirect("/"));
    for (server, path) in [(chain, "/1"), (circle, "/")] {
        let error = failure(&local(), &server.url(path), LIMITS).await;
        assert_eq!(error, Error::TooManyRedirects);
        assert_eq!(server.requests().len(), 4);
    }
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_its_status() {
    for (status, headers) in [(302, ""), (300, "Location: /a\r\n"), (304, "Location: /a\r\n")] {
        let server = Server::answering("127.0.0.1", answer(&format!("{status} X"), headers, ""));
        let error = failure(&local(), &server.url("/"), LIMITS).await;
        assert_eq!(error, Error::Status(status));
    }
}

#[tokio::test]
async fn no_redirect_leads_to_a_forbidden_address() {
    let trap = Trap::set("127.0.0.1", 0).unwrap();
    let port = trap.port();
    let names = Names::default()
        .with("first.test", &[&["127.0.0.2"]])
        .with("second.test", &[&["127.0.0.1"]])
        .with("mixed.test", &[&["127.0.0.2", "127.0.0.1"]]);
    let egress = allowing(&["127.0.0.2/32"]).with_resolver(names);
    let refused = Error::Redirect;
    for (location, error) in [
        (format!("http://127.0.0.1:{port}/"), Error::Forbidden),
        (format!("//127.0.0.1:{port}/"), Error::Forbidden),
        (format!("http://[::ffff:127.0.0.1]:{port}/"), Error::Forbidden),
        (format!("http://[::1]:{port}/"), Error::Forbidden),
        (format!("http://0.0.0.0:{port}/"), Error::Forbidden),
        (format!("http://second.test:{port}/"), Error::Forbidden),
        (format!("http://mixed.test:{port}/"), Error::Forbidden),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), Error::Forbidden),
        ("http://[fd00:ec2::254]/".to_owned(), Error::Forbidden),
        (format!("http://0x7f000001:{port}/"), refused(Invalid::Spelling)),
        (format!("http://2130706433:{port}/"), refused(Invalid::Spelling)),
        (format!("http://0177.0.0.1:{port}/"), refused(Invalid::Spelling)),
        (format!("http://127.1:{port}/"), refused(Invalid::Spelling)),
        (format!("http://localhost:{port}/"), refused(Invalid::Local)),
        (format!("http://localhost.:{port}/"), refused(Invalid::Host)),
        (format!("http://a@127.0.0.1:{port}/"), refused(Invalid::Credentials)),
        (format!("/\\127.0.0.1:{port}/"), refused(Invalid::Characters)),
        (format!("http:/\\127.0.0.1:{port}/"), refused(Invalid::Characters)),
        (format!("http:127.0.0.1:{port}/"), Error::TooManyRedirects), // a path
        (format!("https:127.0.0.1:{port}/"), refused(Invalid::Scheme)),
        ("file:///etc/passwd".to_owned(), refused(Invalid::Scheme)),
        (format!("gopher://127.0.0.1:{port}/"), refused(Invalid::Scheme)),
        (format!("/{}", "a".repeat(2_048)), refused(Invalid::TooLong)),
    ] {
        // Through one more hop, so that it is not the first answer alone that is looked at.
        let target = redirect(&location);
        let server = Server::start("127.0.0.2", move |request, stream| {
            let first = request.starts_with("GET /first ");
            write(stream, if first { redirect("/second") } else { target.clone() });
        });
        let url = server.url_as("first.test", "/first");
        assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), error, "{location}");
        trap.assert_untouched();
    }
}

#[tokio::test]
async fn a_name_that_changes_between_redirects_is_judged_again() {
    let (listener, trap) = same_port("127.0.0.2", "127.0.0.1", Trap::set);
    let server = Server::on(listener, |_, stream| write(stream, redirect("/again")));
    let answers: &[&[&str]] = &[&["127.0.0.2"], &["127.0.0.1"]];
    let names = Names::default().with("media.test", answers);
    let egress = allowing(&["127.0.0.2/32"]).with_resolver(names.clone());
    let url = server.url_as("media.test", "/");
    assert_eq!(egress.get(&url, LIMITS).await.unwrap_err(), Error::Forbidden);
    assert_eq!(names.asked().len(), 2);
    trap.assert_untouched();
}
