//! Limits as data.

use std::{ops::RangeInclusive, time::Duration};

use crate::{Medium, count::Unit};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const GIB: u64 = 1 << 30;

pub(crate) const JPEG: &str = "image/jpeg";
pub(crate) const PNG: &str = "image/png";
pub(crate) const GIF: &str = "image/gif";
pub(crate) const WEBP: &str = "image/webp";
pub(crate) const HEIC: &str = "image/heic";
pub(crate) const HEIF: &str = "image/heif";
pub(crate) const MP4: &str = "video/mp4";
pub(crate) const QUICKTIME: &str = "video/quicktime";
pub(crate) const WEBM: &str = "video/webm";
pub(crate) const PDF: &str = "application/pdf";

/// What a network allows in one post.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The network's name, as it stands in a sentence.
    pub network: &'static str,
    /// The text; each limit holds. Empty: the text is not sent.
    pub caption: &'static [Text],
    /// The comment under the post; empty: applications cannot post one.
    pub first_comment: &'static [Text],
    /// How many media.
    pub media: RangeInclusive<usize>,
    /// Which media; no type is in two of them.
    pub forms: &'static [Form],
    /// Whether media of several forms may be in one post.
    pub mixes: bool,
}

/// How long a text may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The most.
    pub most: usize,
    /// Of what.
    pub unit: Unit,
}

/// What media of some types may be.
#[derive(Debug, Clone)]
pub struct Form {
    /// What several are called.
    pub name: &'static str,
    /// Media types.
    pub types: &'static [&'static str],
    /// How many of them a post may show.
    pub most: usize,
    /// How large each may be, in bytes; `None`: any size.
    pub bytes: Option<u64>,
    /// How long each may run.
    pub duration: Option<RangeInclusive<Duration>>,
    /// Which shapes each may have.
    pub ratio: Option<(Ratio, Ratio)>,
    /// The longest the shorter and the longer side may be, in pixels.
    pub sides_px: Option<(u32, u32)>,
    /// The shortest a side may be, in pixels.
    pub least_px: u32,
    /// How many pixels each may have; `None`: any number.
    pub pixels: Option<u64>,
}

/// Width to height.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ratio {
    /// Width, in parts.
    pub width: u32,
    /// Height, in parts.
    pub height: u32,
}

impl Form {
    /// Any number of media of these types, of any size and shape.
    pub(crate) const fn of(name: &'static str, types: &'static [&'static str]) -> Self {
        Self {
            name,
            types,
            most: usize::MAX,
            bytes: None,
            duration: None,
            ratio: None,
            sides_px: None,
            least_px: 0,
            pixels: None,
        }
    }

    pub(crate) const fn most(mut self, most: usize) -> Self {
        self.most = most;
        self
    }

    pub(crate) const fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }

    pub(crate) const fn seconds(self, least: u64, most: u64) -> Self {
        self.millis(least * 1_000, most * 1_000)
    }

    pub(crate) const fn millis(mut self, least: u64, most: u64) -> Self {
        self.duration =
            Some(RangeInclusive::new(Duration::from_millis(least), Duration::from_millis(most)));
        self
    }

    /// From the narrowest to the widest shape, each as width and height.
    pub(crate) const fn ratio(mut self, narrowest: (u32, u32), widest: (u32, u32)) -> Self {
        self.ratio = Some((
            Ratio { width: narrowest.0, height: narrowest.1 },
            Ratio { width: widest.0, height: widest.1 },
        ));
        self
    }

    pub(crate) const fn sides_px(mut self, shorter: u32, longer: u32) -> Self {
        self.sides_px = Some((shorter, longer));
        self
    }

    pub(crate) const fn least_px(mut self, least: u32) -> Self {
        self.least_px = least;
        self
    }

    pub(crate) const fn pixels(mut self, pixels: u64) -> Self {
        self.pixels = Some(pixels);
        self
    }

    pub(crate) fn takes(&self, medium: &Medium) -> bool {
        self.types.contains(&medium.content_type)
    }
}

impl Text {
    /// At most so many.
    pub(crate) const fn new(most: usize, unit: Unit) -> Self {
        Self { most, unit }
    }
}

impl Ratio {
    /// Callers give or take a pixel: a shape between pixels cannot be met exactly.
    pub(crate) fn is_at_most(self, width: u32, height: u32) -> bool {
        u64::from(self.width) * u64::from(height) <= u64::from(width) * u64::from(self.height)
    }

    pub(crate) fn is_at_least(self, width: u32, height: u32) -> bool {
        u64::from(self.width) * u64::from(height) >= u64::from(width) * u64::from(self.height)
    }
}

impl std::fmt::Display for Ratio {
    fn fmt(&self, formatter: &mut std::fmt::Formatter) -> std::fmt::Result {
        if self.height == 100 {
            write!(formatter, "{}:1", f64::from(self.width) / 100.0)
        } else {
            write!(formatter, "{}:{}", self.width, self.height)
        }
    }
}
