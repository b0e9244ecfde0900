//! LinkedIn, of members and of company pages. A source below is a page of LinkedIn's "Community Management" documentation.

use crate::{
    count::Unit,
    limits::{Form, GIB, GIF, JPEG, Limits, MIB, MP4, PDF, PNG, Text},
};

pub(crate) static POST: Limits = Limits {
    network: "LinkedIn",
    // "Posts API", `commentary`: 3,000 characters.
    caption: &[Text::new(3_000, Unit::Chars)],
    // LinkedIn Help, "Comment on posts": 1,250 characters.
    first_comment: &[Text::new(1_250, Unit::Chars)],
    media: 0..=20,
    forms: &[
        // "MultiImage API": 20 images; "Images API": 36,152,320 pixels.
        Form::of("images", &[JPEG, PNG, GIF]).most(20).pixels(36_152_320),
        // "Videos API": 5 GB, 3 seconds to 30 minutes.
        Form::of("videos", &[MP4]).most(1).bytes(5 * GIB).seconds(3, 30 * 60),
        // "Documents API": 100 MB.
        Form::of("documents", &[PDF]).most(1).bytes(100 * MIB),
    ],
    mixes: false,
};
