//! How networks count the characters of a text.

mod mastodon;
mod url;
mod x;

use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// What a network counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values.
    Chars,
    /// UTF-16 code units.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
    /// What people take for characters: extended grapheme clusters.
    Graphemes,
    /// Unicode scalar values, but the bytes of emoji.
    Threads,
    /// Weights by twitter-text's configuration 3: a URL is 23, an emoji 2, a character of most scripts beyond the European
    /// ones 2.
    X,
    /// Grapheme clusters, but 23 for a URL, and without the server of a mention.
    Mastodon,
}

impl Unit {
    /// How many a text has.
    #[must_use]
    pub fn count(self, text: &str) -> usize {
        match self {
            Self::Chars => text.chars().count(),
            Self::Utf16 => text.encode_utf16().count(),
            Self::Bytes => text.len(),
            Self::Graphemes => text.graphemes(true).count(),
            Self::Threads => text.chars().map(threads_weight).sum(),
            Self::X => x::count(text),
            Self::Mastodon => mastodon::count(text),
        }
    }

    /// Its name, as it follows a number.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Chars | Self::Graphemes => "characters",
            Self::Utf16 => "UTF-16 code units",
            Self::Bytes => "bytes",
            Self::Threads => "characters as Threads counts them",
            Self::X => "characters as X counts them",
            Self::Mastodon => "characters as Mastodon counts them",
        }
    }
}

/// Digits and the like are emoji only within a sequence: alone they count as any other character.
fn threads_weight(char: char) -> usize {
    if char.is_emoji_char() && !char.is_ascii() { char.len_utf8() } else { 1 }
}

/// How many words begin with `sign`: `#` for hashtags, `@` for mentions. The sign within a word, as in an email address,
/// begins none.
pub(crate) fn words_after(sign: char, text: &str) -> usize {
    let mut before = None;
    let mut chars = text.chars().peekable();
    let mut count = 0;
    while let Some(char) = chars.next() {
        let begins = before.is_none_or(|before: char| !is_word(before))
            && chars.peek().is_some_and(|next| is_word(*next));
        count += usize::from(char == sign && begins);
        before = Some(char);
    }
    count
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || char == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_one_grapheme_and_as_many_of_the_others_as_it_is_made_of() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}\u{200D}\u{1F466}";
        for (unit, count) in [
            (Unit::Chars, 7),
            (Unit::Utf16, 11),
            (Unit::Bytes, 25),
            (Unit::Graphemes, 1),
            // Four emoji of four bytes, three joiners.
            (Unit::Threads, 19),
            (Unit::X, 2),
            (Unit::Mastodon, 1),
        ] {
            assert_eq!(unit.count(family), count, "{unit:?}");
        }
    }

    #[test]
    fn plain_text_has_one_count_in_all_units() {
        for unit in [
            Unit::Chars,
            Unit::Utf16,
            Unit::Bytes,
            Unit::Graphemes,
            Unit::Threads,
            Unit::X,
            Unit::Mastodon,
        ] {
            assert_eq!(unit.count("Launch day #1, at 10:00!"), 24, "{unit:?}");
            assert_eq!(unit.count(""), 0, "{unit:?}");
        }
    }

    #[test]
    fn words_are_counted_by_their_sign() {
        for (text, hashtags, mentions) in [
            ("#one #two_2 #三", 3, 0),
            ("# one ## two #", 0, 0),
            ("a#b c#d", 0, 0),
            ("@ann, @bob.jones (@eve) me@example.com", 0, 3),
            ("#@a", 0, 1),
        ] {
            assert_eq!(words_after('#', text), hashtags, "{text}");
            assert_eq!(words_after('@', text), mentions, "{text}");
        }
    }
}
