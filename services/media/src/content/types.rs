//! The types a library takes.

use std::str::FromStr;

use postbreeze_proto::v1::MediaKind;

/// A type of media.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// A photo.
    Jpeg,
    /// A picture without loss.
    Png,
    /// A picture that may move.
    Gif,
    /// A picture for the web.
    Webp,
    /// A photo in HEVC.
    Heic,
    /// A photo in the container of HEIC, coded otherwise.
    Heif,
    /// A video.
    Mp4,
    /// A video as Apple's devices make it.
    Quicktime,
    /// A video for the web.
    Webm,
    /// A document.
    Pdf,
}

impl ContentType {
    /// Every type.
    pub const ALL: [Self; 10] = [
        Self::Jpeg,
        Self::Png,
        Self::Gif,
        Self::Webp,
        Self::Heic,
        Self::Heif,
        Self::Mp4,
        Self::Quicktime,
        Self::Webm,
        Self::Pdf,
    ];

    /// The media type, as "image/jpeg".
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Heic => "image/heic",
            Self::Heif => "image/heif",
            Self::Mp4 => "video/mp4",
            Self::Quicktime => "video/quicktime",
            Self::Webm => "video/webm",
            Self::Pdf => "application/pdf",
        }
    }

    /// What a medium of this type is.
    #[must_use]
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::Gif | Self::Webp | Self::Heic | Self::Heif => {
                MediaKind::Image
            }
            Self::Mp4 | Self::Quicktime | Self::Webm => MediaKind::Video,
            Self::Pdf => MediaKind::Document,
        }
    }
}

/// A media type that a library does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is no media type that a library takes")]
pub struct UnknownContentType;

impl FromStr for ContentType {
    type Err = UnknownContentType;

    /// Upper and lower case alike, and without parameters.
    fn from_str(text: &str) -> Result<Self, UnknownContentType> {
        let found = Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(text));
        found.ok_or(UnknownContentType)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_read_as_it_is_written() {
        for known in ContentType::ALL {
            assert_eq!(known.as_str().parse(), Ok(known));
            assert_eq!(known.as_str().to_uppercase().parse(), Ok(known));
        }
        for other in
            ["", "image/jpg", "image/jpeg; q=1", " image/png", "image/svg+xml", "video/x-matroska"]
        {
            assert_eq!(other.parse::<ContentType>(), Err(UnknownContentType), "{other}");
        }
    }
}
