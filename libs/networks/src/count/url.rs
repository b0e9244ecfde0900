//! Finds the URLs of a text, as twitter-text does; Mastodon does it with a scheme alone, and with wider paths.

use std::ops::Range;

/// Longer ones are none.
const BYTES: usize = 4_096;
/// No domain is longer.
const DOMAIN_BYTES: usize = 253;
/// The longest scheme, `gopher`.
const SCHEME_BYTES: usize = 6;
/// Where X's own short URLs are, which end with their name.
const SHORTENED: &str = "t.co";

/// Whose rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// Also without a scheme.
    X,
    /// With a scheme alone.
    Mastodon,
}

/// Where URLs stand, in order.
pub(super) fn find(text: &str, style: Style) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut before = None;
    let mut from = 0;
    for (at, char) in text.char_indices() {
        if at >= from && precedes(before) {
            let end = match scheme(&text[at..], style) {
                0 if style == Style::X => without_scheme(text, at, before, &mut found),
                0 => None,
                scheme => with_scheme(text, at, scheme, style, &mut found),
            };
            from = end.unwrap_or(from);
        }
        before = Some(char);
    }
    found
}

fn precedes(before: Option<char>) -> bool {
    before.is_none_or(|char| {
        !char.is_ascii_alphanumeric() && !matches!(char, '@' | '＠' | '$' | '#' | '＃')
    })
}

/// Finds one that begins with a scheme of so many bytes; where it ends.
fn with_scheme(
    text: &str,
    at: usize,
    scheme: usize,
    style: Style,
    found: &mut Vec<Range<usize>>,
) -> Option<usize> {
    let host = domain(&text[at + scheme..], true)?;
    let after_host = at + scheme + host.len();
    let mut end = after_host + port(&text[after_host..]);
    if let Some(rest) = text[end..].strip_prefix('/') {
        end += 1 + if style == Style::X && host.eq_ignore_ascii_case(SHORTENED) {
            rest.bytes().take_while(u8::is_ascii_alphanumeric).count()
        } else {
            path(rest, style)
        };
    }
    end += query(&text[end..], style);
    if end - at <= BYTES {
        found.push(at..end);
    }
    Some(end)
}

/// Finds those that begin where a domain does, which are the parts of it that need no encoding; where it ends. The last has
/// what follows the domain, if a path does.
fn without_scheme(
    text: &str,
    at: usize,
    before: Option<char>,
    found: &mut Vec<Range<usize>>,
) -> Option<usize> {
    let host = domain(&text[at..], true)?;
    let end = at + host.len();
    if matches!(before, Some('-' | '_' | '.' | '/')) {
        return Some(end);
    }
    let known = found.len();
    let mut from = 0;
    for (part, _) in host.char_indices() {
        if part >= from
            && let Some(domain) = domain(&host[part..], false)
        {
            from = part + domain.len();
            found.push(at + part..at + from);
        }
    }
    let after_port = end + port(&text[end..]);
    let Some(rest) = text[after_port..].strip_prefix('/') else { return Some(end) };
    let mut whole = after_port + 1 + path(rest, Style::X);
    whole += query(&text[whole..], Style::X);
    if let Some(last) = found[known..].last_mut() {
        last.end = whole;
    }
    Some(whole)
}

fn scheme(text: &str, style: Style) -> usize {
    let known: &[&str] = match style {
        Style::X => &["http", "https"],
        Style::Mastodon => {
            &["http", "https", "dat", "dweb", "ipfs", "ipns", "ssb", "gopher", "gemini"]
        }
    };
    let length = text.bytes().take(SCHEME_BYTES).take_while(u8::is_ascii_alphabetic).count();
    let is_known = text[length..].starts_with("://")
        && known.iter().any(|known| text[..length].eq_ignore_ascii_case(known));
    if is_known { length + 3 } else { 0 }
}

/// The longest domain with a known ending that the text begins with; only of `wide` ones more than the ending may need
/// encoding.
fn domain(text: &str, wide: bool) -> Option<&str> {
    let mut longest = None;
    let mut start = 0;
    // Whether the label before has no underscore: such a one is a subdomain alone.
    let mut may_end = false;
    loop {
        let rest = &text[start..];
        if may_end && let Some(ending) = ending(rest, label(rest, true)) {
            longest = Some(&text[..start + ending]);
        }
        let label = label(rest, wide);
        let is_sound =
            !label.is_empty() && !label.starts_with(['-', '_']) && !label.ends_with(['-', '_']);
        if !is_sound || !rest[label.len()..].starts_with('.') || start > DOMAIN_BYTES {
            return longest;
        }
        may_end = !label.contains('_');
        start += label.len() + 1;
    }
}

/// The label that the text begins with, if any.
fn label(text: &str, wide: bool) -> &str {
    let is_of_it = |char: char| {
        char.is_ascii_alphanumeric()
            || char == '-'
            || is_latin(char)
            || wide
                && (char == '_' || !(char.is_ascii() || char.is_whitespace() || char.is_control()))
    };
    let length = text
        .char_indices()
        .find(|(at, char)| !is_of_it(*char) || *at > DOMAIN_BYTES)
        .map_or(text.len(), |(at, _)| at);
    &text[..length]
}

/// How much of a label is a known ending of domains.
fn ending(rest: &str, label: &str) -> Option<usize> {
    let is_ascii = label.starts_with(|char: char| char.is_ascii());
    let of_punycode = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
    let length = if of_punycode || !is_ascii {
        label.len()
    } else {
        label.find(|char: char| !char.is_ascii_alphanumeric()).unwrap_or(label.len())
    };
    let name = label[..length].to_lowercase();
    let is_known = psl::suffix(name.as_bytes()).is_some_and(|suffix| suffix.is_known());
    let goes_on = rest[length..].starts_with(['@', '+', '-']);
    (is_known && !goes_on).then_some(length)
}

fn port(text: &str) -> usize {
    let digits = text.strip_prefix(':').unwrap_or_default();
    match digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len()) {
        0 => 0,
        length => 1 + length,
    }
}

/// Punctuation at the end is the sentence's; parentheses belong to a path when they are balanced.
fn path(text: &str, style: Style) -> usize {
    let mut end = 0;
    let mut at = 0;
    while let Some(char) = text[at..].chars().next() {
        if char == '(' {
            let Some(length) = parentheses(&text[at..], style, true) else { break };
            at += length;
            end = at;
        } else if is_path(char, style) {
            at += char.len_utf8();
            if ends_path(char, style) {
                end = at;
            }
        } else {
            break;
        }
    }
    end
}

/// The length of what stands in parentheses, them included; one pair may hold another.
fn parentheses(text: &str, style: Style, may_nest: bool) -> Option<usize> {
    let mut at = 1;
    loop {
        let char = text[at..].chars().next()?;
        if char == ')' {
            return (at > 1).then_some(at + 1);
        }
        at += if char == '(' && may_nest {
            parentheses(&text[at..], style, false)?
        } else if is_path(char, style) {
            char.len_utf8()
        } else {
            return None;
        };
    }
}

fn query(text: &str, style: Style) -> usize {
    let Some(rest) = text.strip_prefix('?') else { return 0 };
    let is_wide = |char: char| style == Style::Mastodon && !char.is_ascii() && char >= '\u{A0}';
    let mut end = 0;
    for (at, char) in rest.char_indices() {
        let ends = char.is_ascii_alphanumeric() || "_&=#/-".contains(char) || is_wide(char);
        if ends {
            end = at + char.len_utf8();
        } else if !"!?*'();:+$%[].,~|@^".contains(char) || char == '^' && style == Style::X {
            break;
        }
    }
    if end == 0 { 0 } else { 1 + end }
}

fn is_path(char: char, style: Style) -> bool {
    match style {
        Style::X => {
            char.is_ascii_alphanumeric()
                || "!*';:=+,.$/%#[]-_~@|&–".contains(char)
                || is_latin(char)
                || is_cyrillic(char)
        }
        Style::Mastodon => !char.is_whitespace() && !"<>()?".contains(char),
    }
}

fn ends_path(char: char, style: Style) -> bool {
    match style {
        Style::X => {
            char.is_ascii_alphanumeric()
                || "+-=_#/".contains(char)
                || is_latin(char)
                || is_cyrillic(char)
        }
        Style::Mastodon => !"!*\"'「」;:=,.$%[]~&|@".contains(char),
    }
}

fn is_latin(char: char) -> bool {
    matches!(char, '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}') && !matches!(char, '×' | '÷')
}

fn is_cyrillic(char: char) -> bool {
    matches!(char, '\u{400}'..='\u{4FF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_end_where_they_do() {
        for (text, expected) in [
            ("see http://example.com.", vec!["http://example.com"]),
            (
                "http://en.wikipedia.org/wiki/A_(b)_c).",
                vec!["http://en.wikipedia.org/wiki/A_(b)_c"],
            ),
            ("HTTPS://www.ExaMPLE.COM/index.html", vec!["HTTPS://www.ExaMPLE.COM/index.html"]),
            ("http://example.com:8080/a?b=c&d=#e!", vec!["http://example.com:8080/a?b=c&d=#e"]),
            ("http://☃.net/ http://-a.com http://a_b.com", vec!["http://☃.net/"]),
            ("http://sub_domain.example.com", vec!["http://sub_domain.example.com"]),
            ("日本語example.com日本語", vec!["example.com"]),
            ("http://пример.рф/путь", vec!["http://пример.рф/путь"]),
            ("a.com,b.org/c;d.net", vec!["a.com", "b.org/c;d.net"]),
            ("$a.com #b.com @c.com d.com@e", vec![]),
            ("ftp://example.com", vec![]),
            ("..... ://// ?:/ () .com com.", vec![]),
        ] {
            let found: Vec<_> = find(text, Style::X).into_iter().map(|at| &text[at]).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
