//! What each network takes and refuses, and what holds for all of them.

mod laws;
mod media;
mod options;
mod text;

use std::time::Duration;

use postbreeze_networks::{Medium, Problem, Sending, Subject, check};
use postbreeze_proto::v1::{
    MediaKind, PinterestOptions, Platform, PlatformOptions, TiktokOptions, TiktokPrivacyLevel,
    platform_options::Network,
};

const PLATFORMS: [Platform; 12] = [
    Platform::Instagram,
    Platform::FacebookPage,
    Platform::X,
    Platform::LinkedinPerson,
    Platform::LinkedinCompany,
    Platform::Tiktok,
    Platform::Youtube,
    Platform::Pinterest,
    Platform::Threads,
    Platform::Bluesky,
    Platform::Mastodon,
    Platform::Sandbox,
];

/// A small medium of which no more is known than its type.
fn medium(content_type: &'static str) -> Medium<'static> {
    let kind = match content_type.split('/').next() {
        Some("image") => MediaKind::Image,
        Some("video") => MediaKind::Video,
        _ => MediaKind::Document,
    };
    Medium {
        kind,
        content_type,
        size_bytes: 1_000,
        width_px: None,
        height_px: None,
        duration: None,
    }
}

fn jpeg() -> Medium<'static> {
    medium("image/jpeg")
}

fn mp4() -> Medium<'static> {
    medium("video/mp4")
}

fn sized(width: u32, height: u32, medium: Medium<'static>) -> Medium<'static> {
    Medium { width_px: Some(width), height_px: Some(height), ..medium }
}

fn bytes(size_bytes: u64, medium: Medium<'static>) -> Medium<'static> {
    Medium { size_bytes, ..medium }
}

fn millis(millis: u64, medium: Medium<'static>) -> Medium<'static> {
    Medium { duration: Some(Duration::from_millis(millis)), ..medium }
}

fn options(network: Network) -> PlatformOptions {
    PlatformOptions { network: Some(network) }
}

/// What is wrong with a sending, the choices made that its network has no default for.
fn problems(platform: Platform, sending: &Sending) -> Vec<Problem> {
    let choices = match platform {
        Platform::Tiktok => Some(options(Network::Tiktok(TiktokOptions {
            privacy_level: TiktokPrivacyLevel::SelfOnly.into(),
            ..Default::default()
        }))),
        Platform::Pinterest => Some(options(Network::Pinterest(PinterestOptions {
            board_id: "b1".to_owned(),
            ..Default::default()
        }))),
        _ => None,
    };
    check(platform, &Sending { options: sending.options.or(choices.as_ref()), ..*sending })
}

/// What a network takes must not be refused, whatever else.
fn assert_taken(platform: Platform, sending: &Sending) {
    assert_eq!(problems(platform, sending), [], "{platform:?} {sending:?}");
}

/// Exactly one problem, about this, that says this.
fn assert_refused(platform: Platform, sending: &Sending, subject: Subject, says: &str) {
    let problems = problems(platform, sending);
    let [problem] = &problems[..] else { panic!("{platform:?} {problems:?} {sending:?}") };
    assert_eq!(problem.subject, subject, "{platform:?} {problem:?}");
    assert!(problem.rule.contains(says), "{platform:?} {problem:?} does not say {says:?}");
}
