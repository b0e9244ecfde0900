//! What bytes are: their type, their dimensions, how long they run. Decided by content alone, and from the few ranges that
//! say it: nothing is decoded, and no more is read than [`reader`] allows, whatever the bytes claim.

mod heif;
mod isobmff;
mod movie;
mod raster;
mod reader;
mod thumbnail;
mod types;
mod webm;

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::storage::{Key, Storage, StorageError};
use isobmff::Container;
use reader::Reader;
pub use thumbnail::{THUMBNAIL_SOURCE_BYTES, THUMBNAIL_TYPE, thumbnail};
pub use types::{ContentType, UnknownContentType};

/// The most pixels an image may have.
pub const MAX_PIXELS: u64 = 100_000_000;
/// The longest a side of an image may be.
pub const MAX_SIDE_PX: u32 = 30_000;

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inspected {
    /// Its type.
    pub content_type: ContentType,
    /// As it is shown: a picture that says how it is to be turned is turned. Absent: not known, or a document.
    pub width_px: Option<u32>,
    /// As it is shown. Absent: not known, or a document.
    pub height_px: Option<u32>,
    /// How long it runs. Absent: not known, or no video.
    pub duration: Option<Duration>,
}

/// Why an object cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Its bytes are of no type that a library takes.
    #[error("its bytes are of no type that a library takes")]
    Unsupported,
    /// It has more pixels than a library takes: [`MAX_PIXELS`], [`MAX_SIDE_PX`].
    #[error("{width_px} x {height_px} pixels are too many")]
    TooManyPixels {
        /// Its width.
        width_px: u32,
        /// Its height.
        height_px: u32,
    },
    /// It begins as one of the types but is damaged.
    #[error("its bytes are damaged")]
    Broken,
    /// It could not be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Finds out what an object is, from its first bytes and those that its structure points to.
pub async fn inspect(storage: &Storage, key: &Key, size_bytes: u64) -> Result<Inspected, Refused> {
    look(&mut Reader::stored(storage, key, size_bytes).await?).await
}

async fn look(reader: &mut Reader<'_>) -> Result<Inspected, Refused> {
    let head = reader.head();
    match head.as_ref() {
        [0xff, 0xd8, 0xff, ..] => image(ContentType::Jpeg, raster::jpeg(reader).await?),
        [0x89, b'P', b'N', b'G', ..] => image(ContentType::Png, raster::png(&head)?),
        [b'G', b'I', b'F', b'8', ..] => image(ContentType::Gif, raster::gif(&head)?),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => {
            image(ContentType::Webp, raster::webp(&head)?)
        }
        [b'%', b'P', b'D', b'F', b'-', b'0'..=b'9', b'.', b'0'..=b'9', ..] => Ok(Inspected {
            content_type: ContentType::Pdf,
            width_px: None,
            height_px: None,
            duration: None,
        }),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Ok(video(ContentType::Webm, webm::read(reader).await?)),
        _ => match isobmff::container(reader).await?.ok_or(Refused::Unsupported)? {
            Container::Heic => image(ContentType::Heic, heif::size(reader).await?),
            Container::Heif => image(ContentType::Heif, heif::size(reader).await?),
            Container::Mp4 => Ok(video(ContentType::Mp4, movie::read(reader).await?)),
            Container::Quicktime => Ok(video(ContentType::Quicktime, movie::read(reader).await?)),
        },
    }
}

/// How many bytes [`begins_well`] looks at.
pub const BEGINNING_BYTES: usize = 12;

/// Whether what begins so can be of one of the types at all: of what cannot, the rest need not be waited for.
#[must_use]
pub fn begins_well(beginning: &[u8]) -> bool {
    matches!(
        beginning,
        [0xff, 0xd8, 0xff, ..]
            | [0x89, b'P', b'N', b'G', ..]
            | [b'G', b'I', b'F', b'8', ..]
            | [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..]
            | [b'%', b'P', b'D', b'F', b'-', ..]
            | [0x1a, 0x45, 0xdf, 0xa3, ..]
    ) || isobmff::begins_well(beginning)
}

/// A width and a height, in pixels.
type Size = (u32, u32);

/// What a video says of itself.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Video {
    size: Option<Size>,
    duration: Option<Duration>,
}

fn image(content_type: ContentType, (width_px, height_px): Size) -> Result<Inspected, Refused> {
    if width_px == 0 || height_px == 0 {
        return Err(Refused::Broken);
    }
    let pixels = u64::from(width_px) * u64::from(height_px);
    if pixels > MAX_PIXELS || width_px.max(height_px) > MAX_SIDE_PX {
        return Err(Refused::TooManyPixels { width_px, height_px });
    }
    Ok(Inspected {
        content_type,
        width_px: Some(width_px),
        height_px: Some(height_px),
        duration: None,
    })
}

fn video(content_type: ContentType, Video { size, duration }: Video) -> Inspected {
    // A size nobody could show is none.
    let size = size
        .filter(|(width, height)| (1..=65_536).contains(width) && (1..=65_536).contains(height));
    Inspected {
        content_type,
        width_px: size.map(|(width, _)| width),
        height_px: size.map(|(_, height)| height),
        duration,
    }
}

/// So many units, each the so manieth of a second. None where that is no time a video could run.
fn duration(units: u64, per_second: u64) -> Option<Duration> {
    const LONGEST: u64 = 366 * 24 * 60 * 60;
    let nanoseconds = (u128::from(units) * 1_000_000_000).checked_div(per_second.into())?;
    let duration = Duration::from_nanos(u64::try_from(nanoseconds).ok()?);
    (duration > Duration::ZERO && duration.as_secs() <= LONGEST).then_some(duration)
}
