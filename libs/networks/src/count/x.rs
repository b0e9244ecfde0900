//! Counting as X does: twitter-text, configuration 3.

use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

use super::url::{self, Style};

/// What a URL counts, whatever its length.
const URL: usize = 23;
const EMOJI: usize = 2;

pub(super) fn count(text: &str) -> usize {
    let text: String = text.nfc().collect();
    let urls = url::find(&text, Style::X);
    let mut weight = urls.len() * URL;
    let mut from = 0;
    for url in urls {
        weight += plain(&text[from..url.start]);
        from = url.end;
    }
    weight + plain(&text[from..])
}

fn plain(text: &str) -> usize {
    text.graphemes(true).map(cluster).sum()
}

fn cluster(text: &str) -> usize {
    // A joiner at the end joins nothing.
    let emoji = text.trim_end_matches('\u{200D}');
    let chars = if is_emoji(emoji) { &text[emoji.len()..] } else { text };
    let weights: usize = chars.chars().map(weight).sum();
    weights + if chars.len() < text.len() { EMOJI } else { 0 }
}

/// The ranges of configuration 3 that weigh 1; all else weighs 2.
fn weight(char: char) -> usize {
    match char {
        '\u{0}'..='\u{10FF}'
        | '\u{2000}'..='\u{200D}'
        | '\u{2010}'..='\u{201F}'
        | '\u{2032}'..='\u{2037}' => 1,
        _ => 2,
    }
}

/// Whether a grapheme cluster is an emoji sequence. One character alone weighs what it weighs: where that is 1, it is an
/// emoji only with a variation selector.
fn is_emoji(cluster: &str) -> bool {
    let mut chars = cluster.chars();
    let first = chars.next().is_some_and(char::is_emoji_char);
    let rest = chars.as_str();
    first
        && !rest.is_empty()
        && rest.chars().all(|char| {
            matches!(char, '\u{200D}' | '\u{20E3}' | '\u{FE0F}' | '\u{E0020}'..='\u{E007F}')
                || char.is_emoji_char() && !char.is_ascii()
                // The signs of gender and profession are emoji only within a sequence.
                || matches!(char, '\u{2640}' | '\u{2642}' | '\u{2695}')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        for (text, expected) in [
            ("This is a test.", 15),
            ("http://test.com", 23),
            ("https://test.com", 23),
            ("test.com", 23),
            ("Test https://test.com test https://test.com test.com test", 86),
            ("Hi http://test.co", 26),
            ("\u{10000}\u{10FFFF}", 4),
            ("저찀쯿쿿", 8),
            ("の", 2),
            ("H\u{1F431}☺", 5),
            ("😷👾😡🔥💩", 10),
            // Skin tones, families, flags, key caps.
            ("🙋🏽👨‍🎤", 4),
            ("👨‍👩‍👧‍👦", 2),
            ("🏴\u{E0067}\u{E0062}\u{E0065}\u{E006E}\u{E0067}\u{E007F}🇩🇪", 4),
            ("1\u{FE0F}\u{20E3}", 2),
            ("© and ©\u{FE0F}", 8),
            // Normalised before it is counted.
            ("cafe\u{301}", 4),
            ("a lié géts", 10),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }

    #[test]
    fn a_url_counts_23_with_all_that_belongs_to_it() {
        let path = "a".repeat(300);
        for (text, expected) in [
            (format!("https://example.com/{path}?q={path}#{path}"), 23),
            (format!("(https://example.com/{path})"), 25),
            (format!("see example.com/{path}, and more"), 4 + 23 + 10),
            ("mail@example.com".to_owned(), 16),
            ("example.notatld".to_owned(), 15),
            ("one.jp and two.co.jp".to_owned(), 23 + 5 + 23),
        ] {
            assert_eq!(count(&text), expected, "{text}");
        }
    }
}
