//! The name that a download offers.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a name may not contain unencoded: all but RFC 5987's `attr-char`.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

/// A `Content-Disposition` that saves rather than shows: what a stranger uploaded never runs where the store is. Pages show
/// it nevertheless, in their images and videos.
pub(super) fn attachment(filename: &str) -> String {
    if filename.is_empty() {
        return "attachment".to_owned();
    }
    let plain: String = filename
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    let exact = utf8_percent_encode(filename, ENCODED);
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{exact}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_break_out_of_the_header() {
        assert_eq!(attachment(""), "attachment");
        assert_eq!(
            attachment("a\"; x=\r\nß.jpg"),
            "attachment; filename=\"a___x____.jpg\"; filename*=UTF-8''a%22%3B%20x%3D%0D%0A%C3%9F.jpg"
        );
    }
}
