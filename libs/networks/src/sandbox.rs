//! SANDBOX: takes what the API does.

use crate::{
    count::Unit,
    limits::{Form, GIF, HEIC, HEIF, JPEG, Limits, MP4, PDF, PNG, QUICKTIME, Text, WEBM, WEBP},
};

pub(crate) static POST: Limits = Limits {
    network: "the sandbox",
    caption: &[Text::new(10_000, Unit::Chars)],
    first_comment: &[Text::new(2_000, Unit::Chars)],
    media: 0..=35,
    forms: &[
        Form::of("images", &[JPEG, PNG, GIF, WEBP, HEIC, HEIF]),
        Form::of("videos", &[MP4, QUICKTIME, WEBM]),
        Form::of("documents", &[PDF]),
    ],
    mixes: true,
};
