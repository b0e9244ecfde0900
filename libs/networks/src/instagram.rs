//! Instagram. A source below is a page of Meta's "Instagram Platform" documentation.

use postbreeze_proto::v1::{
    InstagramOptions, InstagramPlacement, MediaKind, platform_options::Network,
};

use crate::{
    Problems, Sending, Subject,
    count::{Unit, words_after},
    limits::{Form, JPEG, Limits, MIB, MP4, QUICKTIME, Text},
};

/// "IG User Media", `caption`: 2,200 characters, 30 hashtags, 20 mentions.
const CAPTION: &[Text] = &[Text::new(2_200, Unit::Chars)];
const HASHTAGS: usize = 30;
const MENTIONS: usize = 20;
/// "IG Media Comments", as a caption.
const COMMENT: &[Text] = CAPTION;

/// "IG User Media", image specifications: JPEG, 8 MB.
const IMAGE: Form = Form::of("images", &[JPEG]).bytes(8 * MIB);
/// "IG User Media", reel specifications: 300 MB, 3 seconds to 15 minutes, 0.01:1 to 10:1.
const VIDEO: Form = Form::of("videos", &[MP4, QUICKTIME])
    .bytes(300 * MIB)
    .seconds(3, 15 * 60)
    .ratio((1, 100), (10, 1));

pub(crate) static FEED: Limits = Limits {
    network: "Instagram",
    caption: CAPTION,
    first_comment: COMMENT,
    // "Content Publishing": a carousel has 10.
    media: 1..=10,
    // "IG User Media": images of the feed are 4:5 to 1.91:1.
    forms: &[IMAGE.ratio((4, 5), (191, 100)), VIDEO],
    mixes: true,
};

static REEL: Limits = Limits {
    network: "Instagram's reels",
    caption: CAPTION,
    first_comment: COMMENT,
    media: 1..=1,
    forms: &[VIDEO],
    mixes: false,
};

static STORY: Limits = Limits {
    network: "Instagram's stories",
    caption: &[],
    first_comment: &[],
    media: 1..=1,
    // "IG User Media", story specifications: a video has 100 MB and runs 3 to 60 seconds, 0.1:1 to 10:1.
    forms: &[IMAGE, VIDEO.bytes(100 * MIB).seconds(3, 60).ratio((1, 10), (10, 1))],
    mixes: false,
};

pub(crate) fn of(sending: &Sending) -> &'static Limits {
    match options(sending).map_or_else(InstagramPlacement::default, InstagramOptions::placement) {
        InstagramPlacement::Reel => &REEL,
        InstagramPlacement::Story => &STORY,
        InstagramPlacement::Feed | InstagramPlacement::Unspecified => match sending.media {
            // Instagram has no other place for one video.
            [medium] if medium.kind == MediaKind::Video => &REEL,
            _ => &FEED,
        },
    }
}

pub(crate) fn check(sending: &Sending, problems: &mut Problems) {
    if of(sending).caption.is_empty() {
        if options(sending).is_some_and(|options| !options.collaborators.is_empty()) {
            let rule = "must be empty: a story has no co-authors";
            problems.add(Subject::Options("instagram.collaborators"), rule);
        }
        return;
    }
    let caption = sending.caption;
    problems.at_most(Subject::Caption, HASHTAGS, words_after('#', caption), "hashtags");
    problems.at_most(Subject::Caption, MENTIONS, words_after('@', caption), "mentions");
}

fn options<'a>(sending: &Sending<'a>) -> Option<&'a InstagramOptions> {
    match sending.options() {
        Some(Network::Instagram(options)) => Some(options),
        _ => None,
    }
}
