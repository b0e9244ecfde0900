//! What the fields of a workspace may hold.

use http::Uri;

/// Characters of a name.
pub(crate) const NAME_CHARS: std::ops::RangeInclusive<usize> = 1..=80;
/// Characters of a logo's URL.
pub(crate) const LOGO_URL_CHARS: std::ops::RangeInclusive<usize> = 0..=2_048;
/// The time zone of a workspace that names none.
pub(crate) const DEFAULT_TIMEZONE: &str = "UTC";

/// Whether a text is a time zone of the IANA database, spelled as there.
#[must_use]
pub(crate) fn is_timezone(text: &str) -> bool {
    text.parse::<chrono_tz::Tz>().is_ok_and(|zone| zone.name() == text)
}

/// Whether a text is a colour as `#rrggbb`.
#[must_use]
pub(crate) fn is_color(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Whether a text is an https URL that a browser may be given: a host, no user, ASCII only.
#[must_use]
pub(crate) fn is_https_url(text: &str) -> bool {
    text.is_ascii()
        && text.parse::<Uri>().is_ok_and(|uri| {
            uri.scheme_str() == Some("https")
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_zones_are_those_of_the_database() {
        for zone in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Asia/Kolkata"] {
            assert!(is_timezone(zone), "{zone}");
        }
        for other in ["", "utc", "europe/berlin", "Mars/Olympus", "+02:00", " UTC"] {
            assert!(!is_timezone(other), "{other}");
        }
    }

    #[test]
    fn colours_have_six_digits() {
        assert!(is_color("#00fFa9"));
        for other in ["", "#fff", "00ffa9", "#00ffag", "#00ffa9 ", "#ééé"] {
            assert!(!is_color(other), "{other}");
        }
    }

    #[test]
    fn logos_are_https_urls() {
        for url in ["https://cdn.example.com/logo.png", "https://a:8443/x?y=z", "https://a"] {
            assert!(is_https_url(url), "{url}");
        }
        for other in [
            "",
            "http://a/x",
            "ftp://a",
            "https://",
            "https:///x",
            "//a/x",
            "a",
            "javascript:alert(1)",
            "https://user:secret@a/x",
            "https://a/ x",
            "https://é/x",
        ] {
            assert!(!is_https_url(other), "{other}");
        }
    }
}
