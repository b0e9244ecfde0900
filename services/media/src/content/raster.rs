//! How large JPEG, PNG, GIF and WebP pictures are.

use image::metadata::Orientation;

use super::{Refused, Size, reader::Reader};

/// N bytes of the head.
fn array<const N: usize>(head: &[u8], at: usize) -> Result<[u8; N], Refused> {
    let bytes = head.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(Refused::Broken)
}

/// The size is in a frame header, behind any number of other segments: previews, colour profiles, Exif.
pub(super) async fn jpeg(reader: &mut Reader<'_>) -> Result<Size, Refused> {
    let mut at = 2;
    let mut orientation = None;
    loop {
        reader.step()?;
        let [begin, marker] = reader.array(at).await?;
        match (begin, marker) {
            // A marker may have more of these before it.
            (0xff, 0xff) => {
                at += 1;
                continue;
            }
            // Nothing belongs to these.
            (0xff, 0x01 | 0xd0..=0xd7) => {
                at += 2;
                continue;
            }
            // The picture begins, or ends, without a frame header.
            (0xff, 0xd8..=0xda) => return Err(Refused::Broken),
            (0xff, 0xc0..=0xfe) => {}
            _ => return Err(Refused::Broken),
        }
        let length = u16::from_be_bytes(reader.array(at + 2).await?);
        if length < 2 {
            return Err(Refused::Broken);
        }
        match marker {
            // Frame headers; the others of this row are tables.
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let [_precision, h1, h2, w1, w2] = reader.array(at + 4).await?;
                let size =
                    (u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into());
                return Ok(turned(size, orientation));
            }
            0xe1 if orientation.is_none() => {
                let segment = reader.bytes(at + 4, u64::from(length) - 2).await?;
                orientation =
                    segment.strip_prefix(b"Exif\0\0").and_then(Orientation::from_exif_chunk);
            }
            _ => {}
        }
        at += 2 + u64::from(length);
    }
}

fn turned((width, height): Size, orientation: Option<Orientation>) -> Size {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    match orientation {
        Some(Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH) => (height, width),
        _ => (width, height),
    }
}

/// The header chunk comes first.
pub(super) fn png(head: &[u8]) -> Result<Size, Refused> {
    if !head.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR") {
        return Err(Refused::Broken);
    }
    Ok((u32::from_be_bytes(array(head, 16)?), u32::from_be_bytes(array(head, 20)?)))
}

pub(super) fn gif(head: &[u8]) -> Result<Size, Refused> {
    if !head.starts_with(b"GIF87a") && !head.starts_with(b"GIF89a") {
        return Err(Refused::Unsupported);
    }
    Ok((u16::from_le_bytes(array(head, 6)?).into(), u16::from_le_bytes(array(head, 8)?).into()))
}

/// There are three kinds, each with a header of its own.
pub(super) fn webp(head: &[u8]) -> Result<Size, Refused> {
    const KIND: usize = 12;
    const DATA: usize = 20;
    match &array(head, KIND)? {
        b"VP8 " => {
            let [_, _, _, 0x9d, 0x01, 0x2a, w1, w2, h1, h2] = array(head, DATA)? else {
                return Err(Refused::Broken);
            };
            // The two upper bits of each say how to scale it when it is shown.
            let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
            Ok((side([w1, w2]), side([h1, h2])))
        }
        b"VP8L" => {
            let [0x2f, bits @ ..] = array::<5>(head, DATA)? else { return Err(Refused::Broken) };
            let bits = u32::from_le_bytes(bits);
            Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let [_, _, _, _, w @ .., h1, h2, h3] = array::<10>(head, DATA)?;
            let side = |[a, b, c]: [u8; 3]| u32::from_le_bytes([a, b, c, 0]) + 1;
            Ok((side(w), side([h1, h2, h3])))
        }
        _ => Err(Refused::Broken),
    }
}
