//! Counting as Mastodon does: its status length validator.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation as _;

use super::{
    is_word,
    url::{self, Style},
};

/// What a URL counts, whatever its length (`characters_reserved_per_url`).
const URL: usize = 23;

pub(super) fn count(text: &str) -> usize {
    let urls = url::find(text, Style::Mastodon);
    let mut count = urls.len() * URL;
    let mut from = 0;
    for url in urls {
        count += plain(&text[from..url.start]);
        from = url.end;
    }
    count + plain(&text[from..])
}

fn plain(text: &str) -> usize {
    without_servers(text).graphemes(true).count()
}

/// The text without the servers of its mentions: `@ann@example.com` becomes `@ann`.
fn without_servers(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices('@') {
        if at < from
            || text[..at].ends_with(|before| is_word(before) || matches!(before, '=' | '/'))
        {
            continue;
        }
        let Some(server) = server(text, at) else { continue };
        kept.push_str(&text[from..server.start]);
        from = server.end;
    }
    kept + &text[from..]
}

/// Where the server of the mention at `at` stands, its `@` included.
fn server(text: &str, at: usize) -> Option<Range<usize>> {
    let after = &text[at + 1..];
    let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-');
    let name = after.find(|char| !is_name(char)).unwrap_or(after.len());
    let ends = |char: char| char.is_ascii_alphanumeric() || char == '_';
    if !after.starts_with(ends) || !after[..name].ends_with(ends) || !after[name..].starts_with('@')
    {
        return None;
    }
    let host = &after[name + 1..];
    let end = host.find(|char| !is_word(char) && !matches!(char, '.' | '-')).unwrap_or(host.len());
    // A sentence may end after a mention.
    let host = host[..end].trim_end_matches(['.', '-']);
    let start = at + 1 + name;
    (host.chars().count() >= 2).then(|| start..start + 1 + host.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_examples_hold() {
        let long = "b".repeat(30);
        for (text, expected) in [
            (format!("{} http://{long}.com/example", "a".repeat(476)), 500),
            (format!("{} @alice@{long}.com", "a".repeat(475)), 482),
        ] {
            assert_eq!(count(&text), expected, "{text}");
        }
    }

    #[test]
    fn urls_mentions_and_clusters_are_counted_as_the_server_does() {
        for (text, expected) in [
            // Without a scheme it is no URL.
            ("example.com", 11),
            ("https://example.com/日本語の道", 23),
            ("(https://example.com/a)", 25),
            ("http://a.example", 16),
            ("hi @bob@mastodon.social.", 8),
            ("@bob", 4),
            ("mail bob@example.com", 20),
            ("https://example.com/@bob@example.org", 23),
            ("👨‍👩‍👧‍👦🇩🇪", 2),
            ("日本語", 3),
        ] {
            assert_eq!(count(text), expected, "{text}");
        }
    }
}
