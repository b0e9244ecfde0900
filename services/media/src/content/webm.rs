//! How large WebM videos are, and how long they run (RFC 8794, RFC 9559).

use std::time::Duration;

use super::{Refused, Size, Video, reader::Reader};

const DOC_TYPE: u32 = 0x4282;
const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP_SCALE: u32 = 0x2a_d7b1;
const DURATION: u32 = 0x4489;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;
const DISPLAY_WIDTH: u32 = 0x54b0;
const DISPLAY_HEIGHT: u32 = 0x54ba;
const DISPLAY_UNIT: u32 = 0x54b2;

/// An element of the file.
#[derive(Clone, Copy)]
struct Element {
    id: u32,
    /// Where what is in it begins.
    body: u64,
    /// Where it ends.
    end: u64,
}

impl Element {
    fn children(&self) -> Elements {
        Elements { at: self.body, end: self.end }
    }

    /// What is in it, at most that many bytes.
    async fn bytes(&self, reader: &mut Reader<'_>, most: u64) -> Result<bytes::Bytes, Refused> {
        let length = self.end - self.body;
        if length > most {
            return Err(Refused::Broken);
        }
        reader.bytes(self.body, length).await
    }

    async fn number(&self, reader: &mut Reader<'_>) -> Result<u64, Refused> {
        let bytes = self.bytes(reader, 8).await?;
        Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    async fn fraction(&self, reader: &mut Reader<'_>) -> Result<f64, Refused> {
        let bytes = self.bytes(reader, 8).await?;
        if let Ok(long) = bytes.as_ref().try_into() {
            return Ok(f64::from_be_bytes(long));
        }
        match bytes.as_ref().try_into() {
            Ok(short) => Ok(f32::from_be_bytes(short).into()),
            Err(_) => Err(Refused::Broken),
        }
    }
}

/// Elements one after another.
struct Elements {
    at: u64,
    end: u64,
}

impl Elements {
    async fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<Element>, Refused> {
        const LONGEST_HEADER: u64 = 12;
        let left = self.end.saturating_sub(self.at);
        if left == 0 {
            return Ok(None);
        }
        reader.step()?;
        let header = reader.bytes(self.at, left.min(LONGEST_HEADER)).await?;
        let (id, id_length) = number(&header, 4, true).ok_or(Refused::Broken)?;
        let (size, size_length) = number(&header[id_length..], 8, false).ok_or(Refused::Broken)?;
        let body = self.at + (id_length + size_length) as u64;
        let unknown = (1 << (7 * size_length)) - 1;
        let end = if size == unknown { self.end } else { body.saturating_add(size) };
        if end > self.end {
            return Err(Refused::Broken);
        }
        self.at = end;
        Ok(Some(Element { id: u32::try_from(id).map_err(|_| Refused::Broken)?, body, end }))
    }
}

/// A number whose first bits say how many bytes it has, and that many. Ids keep those bits.
fn number(bytes: &[u8], longest: usize, keep: bool) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    if length > longest {
        return None;
    }
    let rest = bytes.get(1..length)?;
    let first = if keep {
        first
    } else {
        first & 0xff_u8.checked_shr(length.try_into().ok()?).unwrap_or(0)
    };
    let number = rest.iter().fold(u64::from(first), |number, byte| number << 8 | u64::from(*byte));
    Some((number, length))
}

/// Reads what comes before the first pictures. A file without a video track is none.
pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Video, Refused> {
    let mut all = Elements { at: 0, end: reader.size_bytes() };
    let header = all.next(reader).await?.ok_or(Refused::Broken)?;
    let mut is_webm = false;
    let mut children = header.children();
    while let Some(element) = children.next(reader).await? {
        if element.id == DOC_TYPE {
            is_webm =
                element.bytes(reader, 16).await?.split(|byte| *byte == 0).next() == Some(b"webm");
        }
    }
    if !is_webm {
        return Err(Refused::Unsupported);
    }
    let segment = loop {
        match all.next(reader).await? {
            Some(element) if element.id == SEGMENT => break element,
            Some(_) => {}
            None => return Err(Refused::Broken),
        }
    };
    let (mut tracks, mut duration) = (None, None);
    let mut children = segment.children();
    while let Some(element) = children.next(reader).await? {
        match element.id {
            INFO => duration = length(reader, element).await?,
            TRACKS => tracks = Some(size(reader, element).await?),
            CLUSTER => break,
            _ => {}
        }
    }
    let size = tracks.ok_or(Refused::Broken)?.ok_or(Refused::Unsupported)?;
    Ok(Video { size: Some(size), duration })
}

/// How long it runs, of an `Info`.
async fn length(reader: &mut Reader<'_>, info: Element) -> Result<Option<Duration>, Refused> {
    let (mut nanoseconds, mut units) = (1_000_000, None);
    let mut children = info.children();
    while let Some(element) = children.next(reader).await? {
        match element.id {
            TIMESTAMP_SCALE => nanoseconds = element.number(reader).await?,
            DURATION => units = Some(element.fraction(reader).await?),
            _ => {}
        }
    }
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast of a fraction saturates, and no video needs a nanosecond of the length told"
    )]
    let total = units.map(|units| (units * nanoseconds as f64) as u64);
    Ok(total.and_then(|total| super::duration(total, 1_000_000_000)))
}

/// The size of the first video of `Tracks`.
async fn size(reader: &mut Reader<'_>, tracks: Element) -> Result<Option<Size>, Refused> {
    let mut entries = tracks.children();
    while let Some(entry) = entries.next(reader).await? {
        if entry.id != TRACK_ENTRY {
            continue;
        }
        let (mut is_video, mut size) = (false, None);
        let mut children = entry.children();
        while let Some(element) = children.next(reader).await? {
            match element.id {
                TRACK_TYPE => is_video = element.number(reader).await? == 1,
                VIDEO => size = shown(reader, element).await?,
                _ => {}
            }
        }
        if is_video {
            return size.ok_or(Refused::Broken).map(Some);
        }
    }
    Ok(None)
}

/// The size at which a `Video` wants to be shown.
async fn shown(reader: &mut Reader<'_>, video: Element) -> Result<Option<Size>, Refused> {
    let (mut pixels, mut display, mut unit) = ([None; 2], [None; 2], 0);
    let mut children = video.children();
    while let Some(element) = children.next(reader).await? {
        let place = match element.id {
            PIXEL_WIDTH => &mut pixels[0],
            PIXEL_HEIGHT => &mut pixels[1],
            DISPLAY_WIDTH => &mut display[0],
            DISPLAY_HEIGHT => &mut display[1],
            DISPLAY_UNIT => {
                unit = element.number(reader).await?;
                continue;
            }
            _ => continue,
        };
        *place = u32::try_from(element.number(reader).await?).ok();
    }
    // Other units are ratios and centimetres.
    let [width, height] = if unit == 0 { display } else { [None; 2] };
    Ok(width.zip(height).or(pixels[0].zip(pixels[1])))
}
