//! Bluesky.

use crate::{
    count::Unit,
    limits::{Form, GIF, JPEG, Limits, MP4, PNG, Text, WEBP},
};

/// Lexicon `app.bsky.feed.post`, `text`: 300 graphemes, 3,000 bytes.
const TEXT: &[Text] = &[Text::new(300, Unit::Graphemes), Text::new(3_000, Unit::Bytes)];

pub(crate) static POST: Limits = Limits {
    network: "Bluesky",
    caption: TEXT,
    // A reply is a post.
    first_comment: TEXT,
    media: 0..=4,
    forms: &[
        // Lexicon `app.bsky.embed.images`: 4 images of 2,000,000 bytes; formerly 1,000,000.
        Form::of("images", &[JPEG, PNG, WEBP, GIF]).most(4).bytes(2_000_000),
        // Lexicon `app.bsky.embed.video`: one mp4 of 100,000,000 bytes; "Video" in Bluesky's release notes: 3 minutes.
        Form::of("videos", &[MP4]).most(1).bytes(100_000_000).seconds(0, 180),
    ],
    // A post has one embed.
    mixes: false,
};
