//! How a URL must be written. URLs are parsed as browsers do (WHATWG), which mends what is odd; here what is odd is
//! refused, so that no other reader of the same text can find another host in it.

use std::net::Ipv4Addr;

use http::uri::PathAndQuery;
use url::{Host, ParseError, Position, Url};

use crate::{Error, error::Invalid};

/// Characters (Unicode scalar values) of a URL at the most.
pub const MAX_URL_CHARACTERS: usize = 2_048;

/// Names that stand for this machine or the metadata of its cloud, and every name below them.
const LOCAL: [&str; 4] = ["localhost", "localdomain", "metadata.google.internal", "metadata.goog"];

/// A URL that is well written: http or https, no credentials, a host, its fragment dropped. Whether its host is public
/// is known only once it is resolved; [`Egress::check`](crate::Egress::check) also judges IP addresses.
///
/// # Errors
/// What is wrong with it, the first of several.
pub fn check(text: &str) -> Result<Url, Invalid> {
    if text.chars().count() > MAX_URL_CHARACTERS {
        return Err(Invalid::TooLong);
    }
    if text.chars().any(|character| character.is_control() || character == '\\') {
        return Err(Invalid::Characters);
    }
    let rest = after_scheme(text).ok_or(Invalid::Scheme)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(Invalid::Credentials);
    }
    let mut url = Url::parse(text).map_err(|error| match error {
        ParseError::InvalidPort => Invalid::Port,
        ParseError::EmptyHost
        | ParseError::IdnaError
        | ParseError::InvalidDomainCharacter
        | ParseError::InvalidIpv4Address
        | ParseError::InvalidIpv6Address => Invalid::Host,
        _ => Invalid::Malformed,
    })?;
    if url.port() == Some(0) {
        return Err(Invalid::Port);
    }
    check_host(spelled_host(authority), &url)?;
    url.set_fragment(None);
    target(&url)?;
    Ok(url)
}

/// Where a redirect leads that was answered by `from`.
///
/// # Errors
/// When the location is badly written, or leaves https.
pub(crate) fn follow(from: &Url, location: &[u8]) -> Result<Url, Error> {
    let to = locate(from, location).map_err(Error::Redirect)?;
    if from.scheme() == "https" && to.scheme() == "http" {
        return Err(Error::Downgrade);
    }
    Ok(to)
}

/// The path and query of a URL, as a request names them.
///
/// # Errors
/// When HTTP has no way to write them.
pub(crate) fn target(url: &Url) -> Result<PathAndQuery, Invalid> {
    url[Position::BeforePath..Position::AfterQuery].parse().map_err(|_| Invalid::Malformed)
}

/// What names a host is checked as it was written, before relative references are resolved and odd spellings mended.
fn locate(from: &Url, location: &[u8]) -> Result<Url, Invalid> {
    let location = str::from_utf8(location).map_err(|_| Invalid::Malformed)?;
    if after_scheme(location).is_some() {
        return check(location);
    }
    if location.starts_with("//") {
        return check(&format!("{}:{location}", from.scheme()));
    }
    if location.chars().any(|character| character.is_control() || character == '\\') {
        return Err(Invalid::Characters);
    }
    let to = from.join(location).map_err(|_| Invalid::Malformed)?;
    // Relative to the same server, or something else than http.
    if to.origin() != from.origin() {
        return Err(Invalid::Scheme);
    }
    check(to.as_str())
}

fn after_scheme(text: &str) -> Option<&str> {
    ["http://", "https://"].into_iter().find_map(|scheme| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

/// The host as it is written, without its port; the parser has accepted both.
fn spelled_host(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    }
}

fn check_host(spelled: &str, url: &Url) -> Result<(), Invalid> {
    match url.host().ok_or(Invalid::Host)? {
        Host::Ipv4(address) if spelled.parse::<Ipv4Addr>() == Ok(address) => Ok(()),
        Host::Ipv4(_) => Err(Invalid::Spelling),
        Host::Ipv6(_) if spelled.starts_with('[') && spelled.ends_with(']') => Ok(()),
        Host::Ipv6(_) => Err(Invalid::Host),
        // A name beyond ASCII has been mapped to its ASCII form.
        Host::Domain(name) if spelled.is_ascii() && !spelled.eq_ignore_ascii_case(name) => {
            Err(Invalid::Host)
        }
        Host::Domain(name) => check_name(name),
    }
}

/// A name in DNS: no empty label, hence no dot at its end, which would make two names of one.
fn check_name(name: &str) -> Result<(), Invalid> {
    let proper = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if name.len() > 253 || !name.split('.').all(proper) {
        return Err(Invalid::Host);
    }
    let below = |local: &str| name.strip_suffix(local).is_some_and(|rest| rest.ends_with('.'));
    if LOCAL.iter().any(|local| name == *local || below(local)) {
        return Err(Invalid::Local);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_leads_where_its_location_says() {
        for (from, location, to) in [
            ("http://a.example/b/c?d#e", "f", "http://a.example/b/f"),
            ("http://a.example/b/c?d", "?g", "http://a.example/b/c?g"),
            ("http://a.example/b/c", "/f#g", "http://a.example/f"),
            ("http://a.example:81/b", "", "http://a.example:81/b"),
            ("http://a.example/b", "//c.example/d", "http://c.example/d"),
            ("http://a.example/b", "HTTPS://c.example", "https://c.example/"),
            ("https://a.example/b", "//c.example:8443/d", "https://c.example:8443/d"),
            ("http://a.example/b", "/c d/ä", "http://a.example/c%20d/%C3%A4"),
        ] {
            let from = Url::parse(from).unwrap();
            let found = follow(&from, location.as_bytes()).map(String::from);
            assert_eq!(found, Ok(to.to_owned()), "{location}");
        }
    }

    #[test]
    fn a_redirect_is_refused_for_what_a_url_is_refused_for() {
        let long = format!("/{}", "a".repeat(MAX_URL_CHARACTERS));
        let cases: &[(&[u8], Invalid)] = &[
            (b"ftp://b.example/", Invalid::Scheme),
            (b"file:///etc/passwd", Invalid::Scheme),
            (b"javascript:alert(1)", Invalid::Scheme),
            (b"data:text/plain,a", Invalid::Scheme),
            (b" //b.example/", Invalid::Scheme),
            (b"http:/b.example/", Invalid::Scheme),
            (b"/\\b.example/", Invalid::Characters),
            (b"\\\\b.example/", Invalid::Characters),
            (b"\t//b.example/", Invalid::Characters),
            (b"///b.example/", Invalid::Host),
            (b"//0x7f000001/", Invalid::Spelling),
            (b"http://2130706433/", Invalid::Spelling),
            (b"//0x08080808/", Invalid::Spelling),
            (b"//localhost/", Invalid::Local),
            (b"//user@b.example/", Invalid::Credentials),
            (b"//b.example:0/", Invalid::Port),
            (b"/\xff", Invalid::Malformed),
            (long.as_bytes(), Invalid::TooLong),
        ];
        let from = Url::parse("https://a.example/").unwrap();
        for (location, reason) in cases {
            let shown = String::from_utf8_lossy(location);
            assert_eq!(follow(&from, location), Err(Error::Redirect(*reason)), "{shown}");
        }
    }

    #[test]
    fn a_redirect_does_not_leave_https() {
        let from = Url::parse("https://a.example/").unwrap();
        assert_eq!(follow(&from, b"http://a.example/"), Err(Error::Downgrade));
    }
}
