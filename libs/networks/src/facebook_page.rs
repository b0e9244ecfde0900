//! Facebook pages.

use postbreeze_proto::v1::platform_options::Network;

use crate::{
    Problems, Sending, Subject,
    count::Unit,
    limits::{Form, GIB, GIF, JPEG, Limits, MIB, MP4, PNG, QUICKTIME, Text, WEBM, WEBP},
};

pub(crate) static POST: Limits = Limits {
    network: "Facebook",
    // Facebook Help, "Character limits": 63,206 characters.
    caption: &[Text::new(63_206, Unit::Chars)],
    // Graph API, "Comment": 8,000 characters.
    first_comment: &[Text::new(8_000, Unit::Chars)],
    media: 0..=10,
    forms: &[
        // Graph API, "Page Photos": 10 MB; 10 photos in `attached_media`.
        Form::of("photos", &[JPEG, PNG, GIF, WEBP]).most(10).bytes(10 * MIB),
        // Graph API, "Page Videos" and "Video API": 10 GB, 4 hours.
        Form::of("videos", &[MP4, QUICKTIME, WEBM]).most(1).bytes(10 * GIB).seconds(1, 4 * 3_600),
    ],
    mixes: false,
};

pub(crate) fn check(sending: &Sending, problems: &mut Problems) {
    let Some(Network::Facebook(options)) = sending.options() else { return };
    if !options.link.is_empty() && !sending.media.is_empty() {
        problems.add(Subject::Options("facebook.link"), "is shown only without media");
    }
}
