//! Mastodon. Servers have limits of their own; these are the defaults of the software.

use postbreeze_proto::v1::platform_options::Network;

use crate::{
    Sending,
    count::Unit,
    limits::{Form, GIF, HEIC, HEIF, JPEG, Limits, MIB, MP4, PNG, QUICKTIME, Text, WEBM, WEBP},
};

/// "Posting to your profile": 500 characters.
const TEXT: &[Text] = &[Text::new(500, Unit::Mastodon)];

pub(crate) static STATUS: Limits = Limits {
    network: "Mastodon",
    caption: TEXT,
    // A reply is a post.
    first_comment: TEXT,
    // "Instance", `max_media_attachments`: 4.
    media: 0..=4,
    forms: &[
        // "Instance", `image_size_limit` and `image_matrix_limit`: 16 MiB, 33,177,600 pixels.
        Form::of("images", &[JPEG, PNG, GIF, WEBP, HEIC, HEIF])
            .most(4)
            .bytes(16 * MIB)
            .pixels(33_177_600),
        // "Instance", `video_size_limit` and `video_matrix_limit`: 99 MiB, 8,294,400 pixels.
        Form::of("videos", &[MP4, QUICKTIME, WEBM]).most(1).bytes(99 * MIB).pixels(8_294_400),
    ],
    mixes: false,
};

/// How much the warning counts along with the text: it is counted as it is, also the URLs in it.
pub(crate) fn warning(sending: &Sending) -> usize {
    match sending.options() {
        Some(Network::Mastodon(options)) => Unit::Graphemes.count(&options.spoiler_text),
        _ => 0,
    }
}
