//! TikTok. A source below is a page of its "Content Posting API" documentation.

use postbreeze_proto::v1::{MediaKind, TiktokPrivacyLevel, platform_options::Network};

use crate::{
    Problems, Sending, Subject,
    count::Unit,
    limits::{Form, GIB, JPEG, Limits, MIB, MP4, QUICKTIME, Text, WEBM, WEBP},
};

pub(crate) static VIDEO: Limits = Limits {
    network: "TikTok",
    // "Direct Post", `title`: 2,200 UTF-16 code units.
    caption: &[Text::new(2_200, Unit::Utf16)],
    // The API has no comments.
    first_comment: &[],
    media: 1..=1,
    // "Media Transfer Guide", video restrictions: 4 GB, 10 minutes, 360 to 4,096 pixels a side.
    forms: &[Form::of("videos", &[MP4, QUICKTIME, WEBM])
        .bytes(4 * GIB)
        .seconds(3, 10 * 60)
        .least_px(360)
        .sides_px(4_096, 4_096)],
    mixes: false,
};

static PHOTOS: Limits = Limits {
    network: "TikTok",
    // "Photo", `description`: 4,000 UTF-16 code units. Its title stays empty: all that is said is said there.
    caption: &[Text::new(4_000, Unit::Utf16)],
    first_comment: &[],
    // "Photo", `photo_images`: 35.
    media: 1..=35,
    // "Media Transfer Guide", image restrictions: 20 MB, 1080p.
    forms: &[Form::of("photos", &[JPEG, WEBP]).bytes(20 * MIB).sides_px(1_080, 1_920)],
    mixes: false,
};

/// "Content Sharing Guidelines": the author chooses who sees it, and no choice is made for them.
pub(crate) fn check(sending: &Sending, problems: &mut Problems) {
    let chosen = match sending.options() {
        Some(Network::Tiktok(options)) => options.privacy_level(),
        _ => TiktokPrivacyLevel::Unspecified,
    };
    if chosen == TiktokPrivacyLevel::Unspecified {
        problems
            .add(Subject::Options("tiktok.privacy_level"), "must be chosen: TikTok has no default");
    }
}

/// A video when there is one: photos beside it are what must go.
pub(crate) fn of(sending: &Sending) -> &'static Limits {
    let has_video = sending.media.iter().any(|medium| medium.kind == MediaKind::Video);
    if has_video || sending.media.is_empty() { &VIDEO } else { &PHOTOS }
}
