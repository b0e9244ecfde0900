//! Pinterest. A source below is an operation or a schema of its API v5.

use postbreeze_proto::v1::{MediaKind, platform_options::Network};

use crate::{
    Medium, Problems, Sending, Subject,
    count::Unit,
    limits::{Form, GIB, GIF, JPEG, Limits, MIB, MP4, PNG, QUICKTIME, Text, WEBP},
};

pub(crate) static PIN: Limits = Limits {
    network: "Pinterest",
    // "PinCreate", `description`: 800 characters.
    caption: &[Text::new(800, Unit::Chars)],
    // The API has no comments.
    first_comment: &[],
    // "PinMediaSourceImagesURL": 2 to 5 images.
    media: 1..=5,
    forms: &[
        // Pinterest Help, "Review Pin specifications": 20 MB.
        Form::of("images", &[JPEG, PNG, GIF, WEBP]).most(5).bytes(20 * MIB),
        // Pinterest Help, "Review Pin specifications": 2 GB, 4 seconds to 15 minutes.
        Form::of("videos", &[MP4, QUICKTIME]).most(1).bytes(2 * GIB).seconds(4, 15 * 60),
    ],
    // A video, then its cover.
    mixes: true,
};

pub(crate) fn check(sending: &Sending, problems: &mut Problems) {
    let videos = sending.media.iter().filter(|medium| medium.kind == MediaKind::Video).count();
    let is_sound = match sending.media {
        [_] => true,
        [first, second] if first.kind == MediaKind::Video => is_cover(second),
        _ => videos == 0,
    };
    // "PinCreate", `board_id`: required to save a pin to a board.
    let has_board = match sending.options() {
        Some(Network::Pinterest(options)) => !options.board_id.is_empty(),
        _ => false,
    };
    if !has_board {
        problems
            .add(Subject::Options("pinterest.board_id"), "must be given: every pin is on a board");
    }
    if videos > 0 && !is_sound {
        let rule = "must be a video alone, or a video and then its cover, on Pinterest";
        problems.add(Subject::MediaCount, rule);
    }
}

/// Whether a medium that follows a video is its cover.
#[must_use]
pub fn is_cover(medium: &Medium) -> bool {
    medium.kind == MediaKind::Image
}
