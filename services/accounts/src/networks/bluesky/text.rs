//! What of a text is marked up: links, mentions and hashtags, by their bytes. Pure.

use std::ops::RangeInclusive;

/// Mentions of one text that are looked up, at the most.
pub(super) const MENTIONS: usize = 20;
const TAG_CHARS: RangeInclusive<usize> = 1..=64;
/// What ends a sentence rather than a link.
const TRAILING: &[char] = &['.', ',', ';', ':', '!', '?', '"', '\'', '…', '。', '、', '！', '？'];

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    /// Its first byte.
    pub(super) start: usize,
    /// The byte after its last.
    pub(super) end: usize,
    /// What it is.
    pub(super) what: Feature,
}

/// What a part of a text is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Feature {
    /// A link, and where to.
    Link(String),
    /// A mention, of this handle.
    Mention(String),
    /// A hashtag, without its sign.
    Tag(String),
}

/// The parts of a text that are marked up, in order.
pub(super) fn spans(text: &str) -> Vec<Span> {
    words(text).filter_map(|(start, word)| span(start, word)).collect()
}

/// The words of a text with the bytes they begin at.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let begin = text.as_ptr().addr();
    text.split_whitespace().map(move |word| (word.as_ptr().addr() - begin, word))
}

fn span(start: usize, word: &str) -> Option<Span> {
    let inner = word.trim_start_matches(['(', '[', '"', '\'', '«', '“', '¿', '¡']);
    let start = start + word.len() - inner.len();
    let of = |part: &str, what| Some(Span { start, end: start + part.len(), what });
    if inner.starts_with("https://") || inner.starts_with("http://") {
        let link = without_trailing(inner);
        let url = url::Url::parse(link).ok()?;
        return of(link, url.host().map(|_| Feature::Link(link.to_owned()))?);
    }
    if let Some(rest) = inner.strip_prefix('@') {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '.' || c == '-'));
        let handle = rest[..end.unwrap_or(rest.len())].trim_end_matches(['.', '-']);
        let sound = handle.contains('.') && handle.len() <= 253;
        let sound = sound && handle.split('.').all(|label| (1..=63).contains(&label.len()));
        let whole = format!("@{handle}");
        return of(&whole, sound.then(|| Feature::Mention(handle.to_ascii_lowercase()))?);
    }
    let tag = inner.strip_prefix(['#', '＃'])?;
    let sign = inner.len() - tag.len();
    let tag = tag.trim_end_matches(|c: char| c.is_ascii_punctuation() || TRAILING.contains(&c));
    let sound = TAG_CHARS.contains(&tag.chars().count())
        && !tag.chars().all(|c| c.is_ascii_digit())
        && !tag.starts_with('\u{fe0f}')
        && !tag.contains('#');
    of(&inner[..sign + tag.len()], sound.then(|| Feature::Tag(tag.to_owned()))?)
}

/// A link without what belongs to the sentence around it.
fn without_trailing(link: &str) -> &str {
    let mut link = link;
    loop {
        let mut shorter = link.trim_end_matches(TRAILING);
        for (open, close) in [('(', ')'), ('[', ']')] {
            if shorter.ends_with(close)
                && shorter.matches(open).count() < shorter.matches(close).count()
            {
                shorter = &shorter[..shorter.len() - 1];
            }
        }
        if shorter.len() == link.len() {
            return link;
        }
        link = shorter;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&str, Feature)> {
        spans(text).into_iter().map(|span| (&text[span.start..span.end], span.what)).collect()
    }

    #[test]
    fn links_mentions_and_tags_are_found_by_their_bytes() {
        let link = |url: &str| Feature::Link(url.to_owned());
        let text =
            "Héllo 🦀 (see https://a.example/b_(c)?d=e#f), @ann.example.com: #Größe, #2026 #a1!";
        assert_eq!(
            found(text),
            [
                ("https://a.example/b_(c)?d=e#f", link("https://a.example/b_(c)?d=e#f")),
                ("@ann.example.com", Feature::Mention("ann.example.com".to_owned())),
                ("#Größe", Feature::Tag("Größe".to_owned())),
                ("#a1", Feature::Tag("a1".to_owned())),
            ]
        );
        assert_eq!(spans(text)[0].start, "Héllo 🦀 (see ".len());
        assert_eq!(found("https://a.example."), [("https://a.example", link("https://a.example"))]);
        for text in [
            "",
            "mail ann@example.com",
            "@ann",
            "@",
            "#",
            "#.",
            "##",
            "http://",
            "https:// x",
            "@a..b",
            "#\u{fe0f}",
        ] {
            assert_eq!(found(text), [], "{text}");
        }
    }
}
