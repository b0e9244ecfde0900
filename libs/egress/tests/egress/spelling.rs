//! How a URL must be written, without I/O.

use postbreeze_egress::{Invalid, MAX_URL_CHARACTERS, check};
use proptest::prelude::*;

#[test]
fn well_written_urls_are_accepted() {
    for (text, url) in [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://Example.COM/A?B#C", "https://example.com/A?B"),
        ("https://example.com:443/", "https://example.com/"),
        ("http://example.com:8080/a", "http://example.com:8080/a"),
        ("http://example.com:/a", "http://example.com/a"),
        ("http://example.com:65535", "http://example.com:65535/"),
        ("http://bücher.example/ä b", "http://xn--bcher-kva.example/%C3%A4%20b"),
        ("http://xn--bcher-kva.example/", "http://xn--bcher-kva.example/"),
        ("http://a_b.example-c.com/", "http://a_b.example-c.com/"),
        ("http://93.184.215.14:81/a", "http://93.184.215.14:81/a"),
        ("http://[2606:4700::1111]:81/", "http://[2606:4700::1111]:81/"),
        ("http://[2606:4700:0::1111]/", "http://[2606:4700::1111]/"),
        ("http://example.com/@a:b", "http://example.com/@a:b"),
        ("http://example.com?a=http://b@c", "http://example.com/?a=http://b@c"),
        ("http://example.com/a|b{c}^\"'`", "http://example.com/a|b%7Bc%7D^%22'%60"),
        ("http://example.com/a/../b/./c", "http://example.com/b/c"),
    ] {
        assert_eq!(check(text).map(String::from), Ok(url.to_owned()), "{text}");
    }
    let longest = format!("http://example.com/{}", "ä".repeat(MAX_URL_CHARACTERS - 19));
    assert_eq!(longest.chars().count(), MAX_URL_CHARACTERS);
    assert!(check(&longest).is_ok());
}

#[test]
fn badly_written_urls_are_refused_with_a_reason() {
    let long = format!("http://example.com/{}", "a".repeat(MAX_URL_CHARACTERS - 18));
    let label = format!("http://{}.example/", "a".repeat(64));
    let name = format!("http://{}a/", "a.".repeat(127));
    for (text, reason) in [
        ("", Invalid::Scheme),
        ("example.com", Invalid::Scheme),
        ("//example.com", Invalid::Scheme),
        ("ftp://example.com", Invalid::Scheme),
        ("file:///etc/passwd", Invalid::Scheme),
        ("gopher://example.com", Invalid::Scheme),
        ("javascript:alert(1)", Invalid::Scheme),
        ("data:,a", Invalid::Scheme),
        ("httpx://example.com", Invalid::Scheme),
        ("http:example.com", Invalid::Scheme),
        ("http:/example.com", Invalid::Scheme),
        (" http://example.com", Invalid::Scheme),
        ("http+unix://a/b", Invalid::Scheme),
        ("ｈttp://example.com", Invalid::Scheme),
        ("http://", Invalid::Host),
        ("http:///example.com", Invalid::Host),
        ("http://?a", Invalid::Host),
        ("http://:80/", Invalid::Host),
        ("http://user@example.com", Invalid::Credentials),
        ("http://user:password@example.com", Invalid::Credentials),
        ("http://@example.com", Invalid::Credentials),
        ("http://:@example.com", Invalid::Credentials),
        ("http://example.com:80@example.org", Invalid::Credentials),
        ("http://example.com%40example.org", Invalid::Host),
        ("http://example.com＠example.org", Invalid::Host),
        ("http://example.com\\@example.org", Invalid::Characters),
        ("http:\\\\example.com", Invalid::Characters),
        ("http://exa\tmple.com", Invalid::Characters),
        ("http://example.com\r\nHost: a", Invalid::Characters),
        ("http://example.com/\0", Invalid::Characters),
        ("http://example.com/\u{85}", Invalid::Characters),
        ("http://example.com ", Invalid::Host),
        ("http://exa mple.com/", Invalid::Host),
        ("http://ex%61mple.com/", Invalid::Host),
        ("http://example.com./", Invalid::Host),
        ("http://.example.com/", Invalid::Host),
        ("http://example..com/", Invalid::Host),
        ("http://exam!ple.com/", Invalid::Host),
        ("http://exa*mple.com/", Invalid::Host),
        ("http://1.2.3.4.5/", Invalid::Host),
        ("http://256.256.256.256/", Invalid::Host),
        ("http://example.0x7f/", Invalid::Host),
        (&label, Invalid::Host),
        (&name, Invalid::Host),
        ("http://[::1", Invalid::Host),
        ("http://[1.2.3.4]/", Invalid::Host),
        ("http://[fe80::1%25eth0]/", Invalid::Host),
        ("http://[2606:4700::1%eth0]/", Invalid::Host),
        ("http://[v1.a]/", Invalid::Host),
        // Of public addresses, too.
        ("http://134744072/", Invalid::Spelling),
        ("http://0x08080808/", Invalid::Spelling),
        ("http://0x8.0x8.0x8.0x8/", Invalid::Spelling),
        ("http://010.010.010.010/", Invalid::Spelling),
        ("http://8.8.2056/", Invalid::Spelling),
        ("http://8.526344/", Invalid::Spelling),
        ("http://8.8.8.8./", Invalid::Spelling),
        ("http://08.8.8.8/", Invalid::Host),
        ("http://８.8.8.8/", Invalid::Spelling),
        ("http://8。8。8。8/", Invalid::Spelling),
        ("http://%38.8.8.8/", Invalid::Spelling),
        ("http://localhost/", Invalid::Local),
        ("http://LocalHost:8080/", Invalid::Local),
        ("http://a.b.localhost/", Invalid::Local),
        ("http://localhost.localdomain/", Invalid::Local),
        ("http://ｌｏｃａｌｈｏｓｔ/", Invalid::Local),
        ("http://metadata.google.internal/", Invalid::Local),
        ("http://METADATA.goog/", Invalid::Local),
        ("http://localhost./", Invalid::Host),
        ("http://example.com:0/", Invalid::Port),
        ("http://example.com:65536/", Invalid::Port),
        ("http://example.com:a/", Invalid::Port),
        ("http://example.com:-1/", Invalid::Port),
        ("http://example.com:80:80/", Invalid::Port),
        (&long, Invalid::TooLong),
    ] {
        assert_eq!(check(text).map(String::from), Err(reason), "{text:?}");
    }
}

#[test]
fn names_that_only_end_like_local_ones_are_accepted() {
    for text in ["http://notlocalhost/", "http://localhost.example.com/", "http://mylocalhost.com/"]
    {
        assert!(check(text).is_ok(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_judged_and_what_is_accepted_stays_so(
        text in "(http|https|HTTP|ftp)?(://|:/|//|:)?[0-9a-fx.@:#?/%\\\\\\[\\]ä。\t -]{0,40}",
    ) {
        if let Ok(url) = check(&text) {
            prop_assert!(["http", "https"].contains(&url.scheme()));
            prop_assert!(url.username().is_empty() && url.password().is_none());
            prop_assert!(url.port() != Some(0) && url.fragment().is_none());
            prop_assert_eq!(check(url.as_str()), Ok(url.clone()));
            if let Some(url::Host::Ipv4(address)) = url.host() {
                prop_assert!(text.contains(&address.to_string()), "{text}");
            }
        }
    }

    #[test]
    fn any_bytes_at_all_are_judged(text: String) {
        drop(check(&text));
        drop(check(&format!("http://{text}")));
        drop(check(&format!("http://example.com/{text}")));
    }

    #[test]
    fn an_ipv4_address_is_accepted_in_one_spelling_alone(bits: u32) {
        let [a, b, c, d] = bits.to_be_bytes();
        let decimal = format!("http://{a}.{b}.{c}.{d}/");
        prop_assert!(check(&decimal).is_ok());
        for host in [
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("{bits:#X}").replace('X', "x"),
            format!("0{bits:o}"),
            format!("{a}.{b}.{c}.{d}."),
            format!("0{a:o}.{b}.{c}.{d}"),
            format!("{a}.{b}.{c}.{d:#x}"),
            format!("{a}.{}", bits & 0xff_ffff),
            format!("{a}.{b}.{}", bits & 0xffff),
        ] {
            prop_assert_eq!(check(&format!("http://{host}/")), Err(Invalid::Spelling), "{}", host);
        }
    }
}
