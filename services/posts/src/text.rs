//! Texts as they are kept and sent.

use std::fmt::Write as _;

/// The first characters of what a network says, without NUL: Postgres keeps none.
pub(crate) fn cut(text: &str, chars: usize) -> String {
    text.chars().filter(|char| *char != '\0').take(chars).collect()
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
