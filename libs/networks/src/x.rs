//! X, for accounts without a paid plan. A source below is a page of its "X API v2" documentation.

use crate::{
    count::Unit,
    limits::{Form, GIB, GIF, JPEG, Limits, MIB, MP4, PNG, QUICKTIME, Text, WEBP},
};

/// "Counting characters": 280 by weight.
const TEXT: &[Text] = &[Text::new(280, Unit::X)];

pub(crate) static POST: Limits = Limits {
    network: "X",
    caption: TEXT,
    // A reply is a post.
    first_comment: TEXT,
    media: 0..=4,
    // "Media: Best practices": 4 photos of 5 MB, or an animated GIF of 15 MB, or a video of 8 GB that runs 0.5 seconds to 20
    // minutes, 1:3 to 3:1.
    forms: &[
        Form::of("photos", &[JPEG, PNG, WEBP]).most(4).bytes(5 * MIB),
        Form::of("GIFs", &[GIF]).most(1).bytes(15 * MIB),
        Form::of("videos", &[MP4, QUICKTIME])
            .most(1)
            .bytes(8 * GIB)
            .millis(500, 20 * 60 * 1_000)
            .ratio((1, 3), (3, 1)),
    ],
    mixes: false,
};
