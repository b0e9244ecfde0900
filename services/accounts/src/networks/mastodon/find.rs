//! Whether one of an account's statuses is what was sent. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_proto::{
    internal::v1::{PublishCommentRequest, PublishRequest},
    time::from_proto,
};

use super::{
    api::{Status, time_of},
    status::options_of,
};

/// How far a server's clock may be behind ours.
const CLOCKS: TimeDelta = TimeDelta::minutes(5);

/// What is looked for.
pub(super) struct Wanted<'a> {
    text: &'a str,
    spoiler_text: &'a str,
    media: usize,
    /// What it answers; empty: nothing.
    answers: &'a str,
    since: Option<DateTime<Utc>>,
}

impl<'a> Wanted<'a> {
    /// A post.
    pub(super) fn post(post: &'a PublishRequest) -> Self {
        Self {
            text: &post.text,
            spoiler_text: options_of(post).map_or("", |options| &options.spoiler_text),
            media: post.media.len(),
            answers: "",
            since: since(post.first_attempt_time.as_ref()),
        }
    }

    /// A comment.
    pub(super) fn comment(comment: &'a PublishCommentRequest) -> Self {
        let answered = match comment.external_comment_id.as_str() {
            "" => &comment.external_post_id,
            id => id,
        };
        Self {
            text: &comment.text,
            spoiler_text: "",
            media: 0,
            answers: answered,
            since: since(comment.first_attempt_time.as_ref()),
        }
    }

    /// The status that it is; the oldest, where several are.
    pub(super) fn among<'b>(&self, statuses: &'b [Status]) -> Option<&'b Status> {
        statuses.iter().rev().find(|status| self.is(status))
    }

    /// Whether several are alike and no text tells them apart.
    pub(super) fn is_one_of_several(&self, statuses: &[Status]) -> bool {
        let says_nothing = core_of(self.text).is_empty() && core_of(self.spoiler_text).is_empty();
        says_nothing && statuses.iter().filter(|status| self.is(status)).count() > 1
    }

    /// Whether one that could be it says something else by now, because its author has edited it.
    pub(super) fn may_be_edited(&self, statuses: &[Status]) -> bool {
        statuses.iter().any(|status| status.edited_at.is_some() && self.could_be(status))
    }

    /// Whether a status is from that time, and stands where it would.
    fn could_be(&self, status: &Status) -> bool {
        let written = self.since.is_none_or(|since| {
            // A time that cannot be read tells nothing against it.
            time_of(&status.created_at).is_none_or(|time| time >= since)
        });
        written
            && status.reblog.is_none()
            && status.in_reply_to_id.as_deref().unwrap_or_default() == self.answers
    }

    fn is(&self, status: &Status) -> bool {
        self.could_be(status)
            && status.media_attachments.len() == self.media
            && core_of(&status.spoiler_text) == core_of(self.spoiler_text)
            && (self.says(&text_of(&status.content))
                || status.text.as_deref().is_some_and(|text| self.says(text)))
    }

    /// Whether a text is the one that was sent. An answer may name whom it answers first.
    fn says(&self, text: &str) -> bool {
        let (own, other) = (core_of(self.text), core_of(text));
        own == other
            || (!self.answers.is_empty() && text.trim().starts_with('@') && other.ends_with(&own))
    }

    /// Whether what was sent would be older than everything that was looked through.
    pub(super) fn is_beyond(&self, statuses: &[Status]) -> bool {
        let oldest = statuses.last().and_then(|status| time_of(&status.created_at));
        let full = statuses.len() >= 200;
        full && self.since.zip(oldest).is_some_and(|(since, oldest)| oldest > since)
    }
}

fn since(time: Option<&prost_types::Timestamp>) -> Option<DateTime<Utc>> {
    time.and_then(from_proto).map(|time| time - CLOCKS)
}

/// What of a text every server keeps: letters and digits. White space, punctuation and marks change with the formatting of a
/// server, and of `@ann@social.example` some show `@ann`. A text without letters is kept as it is, but for white space.
fn core_of(text: &str) -> String {
    let words = text.split_whitespace().map(without_host);
    let letters: String = words
        .flat_map(|word| word.chars().filter(|c| c.is_alphanumeric()).collect::<Vec<_>>())
        .collect();
    if letters.is_empty() {
        text.chars().filter(|c| !c.is_whitespace() && *c != '\u{200b}').collect()
    } else {
        letters.to_lowercase()
    }
}

/// A word without the server's name, where it mentions somebody.
fn without_host(word: &str) -> String {
    let Some(at) = word.find('@') else { return word.to_owned() };
    let name_ends =
        |rest: &str| rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_-.".contains(c)));
    let after_name = at + 1 + name_ends(&word[at + 1..]).unwrap_or(word.len() - at - 1);
    let Some(host) = word[after_name..].strip_prefix('@') else { return word.to_owned() };
    let is_of_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    let host_ends = host.find(|c: char| !is_of_host(c)).unwrap_or(host.len());
    format!("{}{}", &word[..after_name], &host[host_ends..])
}

/// The text of a status's HTML: tags are dropped, entities read, paragraphs and breaks kept as lines.
pub(super) fn text_of(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(tag) = rest.strip_prefix('<') {
            let end = tag.find('>').map_or(tag.len(), |end| end + 1);
            let name = tag.trim_start_matches('/').to_ascii_lowercase();
            let breaks = name.starts_with("br") || (tag.starts_with('/') && name.starts_with('p'));
            if breaks {
                text.push('\n');
            }
            rest = &tag[end..];
        } else {
            let (char, length) = entity(rest);
            text.push(char);
            rest = &rest[length..];
        }
    }
    text.push_str(rest);
    text.trim().replace('\0', "")
}

/// The character of the entity that a text begins with, and its length; `&` itself, where it is none.
fn entity(text: &str) -> (char, usize) {
    let Some(end) = text.bytes().take(12).position(|byte| byte == b';') else { return ('&', 1) };
    let name = &text[1..end];
    let char = match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some(' '),
        _ => {
            let number =
                name.strip_prefix('#').and_then(|number| match number.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok(),
                    None => number.parse().ok(),
                });
            number.and_then(char::from_u32)
        }
    };
    char.map_or(('&', 1), |char| (char, end + 1))
}

#[cfg(test)]
mod tests {
    use std::slice;

    use postbreeze_proto::internal::v1::MediaToPublish;

    use super::*;

    fn status(content: &str, created_at: &str) -> Status {
        let json = serde_json::json!({"id": "1", "content": content, "created_at": created_at});
        serde_json::from_value(json).unwrap()
    }

    fn post(text: &str) -> PublishRequest {
        let first_attempt_time = Some(prost_types::Timestamp { seconds: 1_790_000_000, nanos: 0 });
        PublishRequest { text: text.to_owned(), first_attempt_time, ..Default::default() }
    }

    #[test]
    fn html_is_read_as_the_text_that_was_written() {
        for (html, text) in [
            ("<p>a &amp; b &lt;c&gt; &#39;d&#x27; &quot;e&quot;</p>", "a & b <c> 'd' \"e\""),
            ("<p>one</p><p>two<br />three</p>", "one\ntwo\nthree"),
            ("a < b", "a"),
            ("&", "&"),
            ("&nothing; &é;", "&nothing; &é;"),
            ("<a href=\"x\"><span>https://</span><span>a.example</span></a>", "https://a.example"),
            ("", ""),
        ] {
            assert_eq!(text_of(html), text, "{html}");
        }
    }

    #[test]
    fn a_status_is_known_by_its_text_its_media_and_its_time() {
        let sent = post("Héllo  world\nhttps://a.example/b");
        let wanted = Wanted::post(&sent);
        let content = "<p>Héllo world<br><a href=\"x\">https://a.example/b</a></p>";
        let after = "2026-09-21T14:13:21.000Z";
        let same = status(content, after);
        assert!(wanted.among(slice::from_ref(&same)).is_some());
        let long_before = status(content, "2026-09-21T12:00:00.000Z");
        assert!(wanted.among(&[long_before, status("<p>Héllo</p>", after)]).is_none());
        let answer = Status { in_reply_to_id: Some("9".to_owned()), ..same.clone() };
        let shows = Status { media_attachments: vec![serde_json::Value::Null], ..same };
        assert!(wanted.among(&[answer, shows]).is_none());
    }

    #[test]
    fn of_several_without_a_text_none_is_taken_for_another() {
        let image = || Status {
            media_attachments: vec![serde_json::Value::Null],
            ..status("", "2026-09-21T14:13:21.000Z")
        };
        let wordless = PublishRequest { media: vec![MediaToPublish::default()], ..post("") };
        let wanted = Wanted::post(&wordless);
        assert!(!wanted.is_one_of_several(&[image(), status("", "2026-09-21T14:13:21.000Z")]));
        assert!(wanted.is_one_of_several(&[image(), image()]));
        let said = post("a");
        let same = || status("<p>a</p>", "2026-09-21T14:13:21.000Z");
        assert!(!Wanted::post(&said).is_one_of_several(&[same(), same()]));
    }

    #[test]
    fn one_that_was_edited_since_may_be_any() {
        let sent = post("as it was");
        let wanted = Wanted::post(&sent);
        let now = "2026-09-21T14:13:21.000Z";
        let edited = |status: Status| Status { edited_at: Some(now.to_owned()), ..status };
        assert!(wanted.may_be_edited(&[edited(status("<p>as it is</p>", now))]));
        assert!(!wanted.may_be_edited(&[status("<p>as it is</p>", now)]));
        let before = edited(status("<p>as it is</p>", "2026-09-21T12:00:00.000Z"));
        let answer = Status { in_reply_to_id: Some("9".to_owned()), ..status("", now) };
        assert!(!wanted.may_be_edited(&[before, edited(answer)]));
    }

    #[test]
    fn a_status_is_known_however_a_server_formats_it() {
        let after = "2026-09-21T14:13:21.000Z";
        for (sent, content) in [
            (
                "hi @ann@social.example, *look*!",
                "<p>hi <a>@<span>ann</span></a>, <em>look</em>!</p>",
            ),
            ("@ann@social.example: 1 < 2", "<p>@ann@social.example: 1 &lt; 2</p>"),
            ("🦀 🦀", "<p>🦀🦀</p>"),
        ] {
            let sent = post(sent);
            let wanted = Wanted::post(&sent);
            assert!(wanted.among(&[status(content, after)]).is_some(), "{content}");
            assert!(wanted.among(&[status("<p>hi ann</p>", after)]).is_none());
        }
        // Where the source is told, the HTML need not say the same.
        let sent = post("a <b> c");
        let source = Status { text: Some("a <b> c".to_owned()), ..status("a  c", after) };
        assert!(Wanted::post(&sent).among(&[source]).is_some());
    }

    #[test]
    fn an_answer_is_known_though_the_server_names_whom_it_answers() {
        let comment = PublishCommentRequest {
            text: "thank you".to_owned(),
            external_post_id: "1".to_owned(),
            external_comment_id: "9".to_owned(),
            ..Default::default()
        };
        let wanted = Wanted::comment(&comment);
        let answer = |content: &str, to: &str| Status {
            in_reply_to_id: Some(to.to_owned()),
            ..status(content, "2026-09-21T14:13:21.000Z")
        };
        assert!(wanted.among(&[answer("<p>@bob thank you</p>", "9")]).is_some());
        assert!(wanted.among(&[answer("<p>thank you</p>", "9")]).is_some());
        assert!(wanted.among(&[answer("<p>thank you</p>", "1")]).is_none());
        assert!(wanted.among(&[answer("<p>no thank you</p>", "9")]).is_none());
    }
}
