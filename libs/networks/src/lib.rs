//! What each social network allows, as data, and the checks over it. Pure: nothing is read, nothing is sent.
//!
//! [`check`] finds all that a network would refuse about a sending before it is sent; what cannot be known, as the
//! dimensions of a medium that could not be read, is no problem. Sizes in the networks' words are read the wide way: 8 MB
//! are 8 MiB unless a source says bytes.
//!
//! What options are by themselves (their syntax, and whether they are for the account's network) is checked where requests
//! are parsed; here is what they mean together with text and media.

mod bluesky;
mod count;
mod facebook_page;
mod instagram;
mod limits;
mod linkedin;
mod mastodon;
mod pinterest;
mod rules;
mod sandbox;
mod threads;
mod tiktok;
mod x;
mod youtube;

use std::time::Duration;

use postbreeze_proto::v1::{
    MediaKind, Platform, PlatformOptions, platform_options::Network as NetworkOptions,
};

pub use crate::{
    count::Unit,
    limits::{Form, Limits, Ratio, Text},
    pinterest::is_cover,
    youtube::title as youtube_title,
};

/// A medium of a sending.
#[derive(Debug, Clone, Copy)]
pub struct Medium<'a> {
    /// What it is.
    pub kind: MediaKind,
    /// Its media type by content.
    pub content_type: &'a str,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Width in pixels; `None`: not known.
    pub width_px: Option<u32>,
    /// Height in pixels; `None`: not known.
    pub height_px: Option<u32>,
    /// How long it runs; `None`: not known, or no video.
    pub duration: Option<Duration>,
}

/// What would be sent to one account.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sending<'a> {
    /// The text.
    pub caption: &'a str,
    /// The comment posted under it; empty: none.
    pub first_comment: &'a str,
    /// What it shows, in order.
    pub media: &'a [Medium<'a>],
    /// The network's options.
    pub options: Option<&'a PlatformOptions>,
    /// How many characters this account may write, where servers or plans differ (Mastodon, X), as the network counts them;
    /// `None`: the network's default.
    pub caption_limit: Option<usize>,
}

impl<'a> Sending<'a> {
    fn options(&self) -> Option<&'a NetworkOptions> {
        self.options.and_then(|options| options.network.as_ref())
    }
}

/// What a problem is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The text.
    Caption,
    /// The comment under it.
    FirstComment,
    /// The media together: how many, and which kinds.
    MediaCount,
    /// One medium, by its place.
    Media(usize),
    /// A field of the options, as `youtube.title`.
    Options(&'static str),
}

/// What a network would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What it is about.
    pub subject: Subject,
    /// The rule and its limit, in words for clients that follow the name of a field: `must have at most …`.
    pub rule: String,
}

/// All that the network would refuse, ordered by subject. `UNSPECIFIED` allows what the API does.
#[must_use]
pub fn check(platform: Platform, sending: &Sending) -> Vec<Problem> {
    let mut problems = Problems(Vec::new());
    let along = if platform == Platform::Mastodon { mastodon::warning(sending) } else { 0 };
    of(platform, sending).check(sending, along, &mut problems);
    match platform {
        Platform::Instagram => instagram::check(sending, &mut problems),
        Platform::FacebookPage => facebook_page::check(sending, &mut problems),
        Platform::Youtube => youtube::check(sending, &mut problems),
        Platform::Pinterest => pinterest::check(sending, &mut problems),
        Platform::Tiktok => tiktok::check(sending, &mut problems),
        Platform::X
        | Platform::LinkedinPerson
        | Platform::LinkedinCompany
        | Platform::Threads
        | Platform::Bluesky
        | Platform::Mastodon
        | Platform::Sandbox
        | Platform::Unspecified => {}
    }
    // Stable: problems of one subject stay in the order in which they were found.
    problems.0.sort_by_key(|problem| problem.subject);
    problems.0
}

/// What a network allows for a post of its usual form: a post in Instagram's feed, a video on TikTok.
#[must_use]
pub fn limits(platform: Platform) -> &'static Limits {
    match platform {
        Platform::Instagram => &instagram::FEED,
        Platform::FacebookPage => &facebook_page::POST,
        Platform::X => &x::POST,
        Platform::LinkedinPerson | Platform::LinkedinCompany => &linkedin::POST,
        Platform::Tiktok => &tiktok::VIDEO,
        Platform::Youtube => &youtube::VIDEO,
        Platform::Pinterest => &pinterest::PIN,
        Platform::Threads => &threads::POST,
        Platform::Bluesky => &bluesky::POST,
        Platform::Mastodon => &mastodon::STATUS,
        Platform::Sandbox | Platform::Unspecified => &sandbox::POST,
    }
}

/// What a network allows for a post of the form that a sending has.
fn of(platform: Platform, sending: &Sending) -> &'static Limits {
    match platform {
        Platform::Instagram => instagram::of(sending),
        Platform::Tiktok => tiktok::of(sending),
        _ => limits(platform),
    }
}

/// Collects what is found.
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, subject: Subject, rule: impl Into<String>) {
        self.0.push(Problem { subject, rule: rule.into() });
    }

    /// Notes when there is more of something than a network takes.
    fn at_most(&mut self, subject: Subject, most: usize, has: usize, of_what: &str) {
        if has > most {
            self.add(subject, format!("must have at most {most} {of_what}; it has {has}"));
        }
    }
}
