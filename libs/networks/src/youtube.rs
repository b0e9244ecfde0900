//! YouTube. A source below is a page of the "YouTube Data API" documentation.

use postbreeze_proto::v1::{YoutubeOptions, platform_options::Network};

use crate::{
    Problems, Sending, Subject,
    count::Unit,
    limits::{Form, GIB, Limits, MP4, QUICKTIME, Text, WEBM},
};

/// "Videos", `snippet.title`: 100 characters.
const TITLE_CHARS: usize = 100;
/// "Videos", `snippet.tags[]`: 500 characters, counted as one list.
const TAGS_CHARS: usize = 500;

pub(crate) static VIDEO: Limits = Limits {
    network: "YouTube",
    // "Videos", `snippet.description`: 5,000 bytes.
    caption: &[Text::new(5_000, Unit::Bytes)],
    // YouTube Help, "Post and interact with comments": 10,000 characters.
    first_comment: &[Text::new(10_000, Unit::Chars)],
    media: 1..=1,
    // "Videos: insert": 256 GB; YouTube Help, "Upload videos longer than 15 minutes": 12 hours.
    forms: &[Form::of("videos", &[MP4, QUICKTIME, WEBM]).bytes(256 * GIB).seconds(0, 12 * 3_600)],
    mixes: false,
};

pub(crate) fn check(sending: &Sending, problems: &mut Problems) {
    let options = match sending.options() {
        Some(Network::Youtube(options)) => Some(options),
        _ => None,
    };
    if has_brackets(sending.caption) {
        problems.add(Subject::Caption, "must not contain \"<\" or \">\" on YouTube");
    }
    if title(options, sending.caption).is_empty() {
        let rule = "must be given: the caption's first line is blank";
        problems.add(Subject::Options("youtube.title"), rule);
    }
    let Some(options) = options else { return };
    if has_brackets(&options.title) {
        problems.add(Subject::Options("youtube.title"), "must not contain \"<\" or \">\"");
    }
    let chars = tags_chars(&options.tags);
    let own: usize = options.tags.iter().map(|tag| tag.chars().count()).sum();
    // More than that without the list's own signs is said where the request is parsed.
    if own <= TAGS_CHARS && chars > TAGS_CHARS {
        let of_what = "characters with a comma between tags and quotes around those with spaces";
        problems.at_most(Subject::Options("youtube.tags"), TAGS_CHARS, chars, of_what);
    }
}

/// The title of a video: the option, or the first line of the caption, cut to what YouTube takes. Empty: there is none.
#[must_use]
pub fn title(options: Option<&YoutubeOptions>, caption: &str) -> String {
    let given = options.map(|options| options.title.trim()).filter(|title| !title.is_empty());
    let first_line = || caption.lines().next().unwrap_or_default().trim();
    let title: String = given.unwrap_or_else(first_line).chars().take(TITLE_CHARS).collect();
    title.trim_end().to_owned()
}

fn has_brackets(text: &str) -> bool {
    text.contains(['<', '>'])
}

/// The characters of a list of tags: commas between them, quotes around those with spaces.
fn tags_chars(tags: &[String]) -> usize {
    let chars = |tag: &String| tag.chars().count() + if tag.contains(' ') { 2 } else { 0 };
    tags.iter().map(chars).sum::<usize>() + tags.len().saturating_sub(1)
}
