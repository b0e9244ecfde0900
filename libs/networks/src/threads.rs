//! Threads. A source below is a page of Meta's "Threads API" documentation.

use crate::{
    count::Unit,
    limits::{Form, GIB, JPEG, Limits, MIB, MP4, PNG, QUICKTIME, Text},
};

/// "Posts": 500 characters, emoji by their bytes.
const TEXT: &[Text] = &[Text::new(500, Unit::Threads)];

pub(crate) static POST: Limits = Limits {
    network: "Threads",
    caption: TEXT,
    // A reply is a post.
    first_comment: TEXT,
    // "Posts": a carousel has 20.
    media: 0..=20,
    forms: &[
        // "Overview", image specifications: 8 MB, no side over 10 times the other.
        Form::of("images", &[JPEG, PNG]).bytes(8 * MIB).ratio((1, 10), (10, 1)),
        // "Overview", video specifications: 1 GB, 5 minutes, 0.01:1 to 10:1.
        Form::of("videos", &[MP4, QUICKTIME])
            .bytes(GIB)
            .seconds(0, 5 * 60)
            .ratio((1, 100), (10, 1)),
    ],
    mixes: true,
};
