//! A video without a picture in it, which is told by its boxes alone.

use bytes::{BufMut as _, Bytes, BytesMut};

/// Lasts 2.5 seconds, and has 640 by 360 pixels.
#[must_use]
pub fn video() -> Bytes {
    boxes().freeze()
}

/// The same, with so many bytes in all, of which the rest say nothing.
///
/// # Panics
/// When these are too few, or more than a box has.
#[must_use]
pub fn video_of(size_bytes: usize) -> Bytes {
    let mut video = boxes();
    let left = size_bytes.checked_sub(video.len()).expect("it has at least its boxes");
    video.put_u32(u32::try_from(left).expect("a box has less than 4 GiB"));
    video.put_slice(b"free");
    video.resize(size_bytes, 0);
    video.freeze()
}

fn boxes() -> BytesMut {
    let mut movie = [0; 100];
    movie[12..16].copy_from_slice(&1_000_u32.to_be_bytes());
    movie[16..20].copy_from_slice(&2_500_u32.to_be_bytes());
    let mut track = [0; 84];
    track[40..44].copy_from_slice(&0x1_0000_u32.to_be_bytes());
    track[56..60].copy_from_slice(&0x1_0000_u32.to_be_bytes());
    track[76..80].copy_from_slice(&(640_u32 << 16).to_be_bytes());
    track[80..84].copy_from_slice(&(360_u32 << 16).to_be_bytes());
    let media = part("mdia", &part("hdlr", b"\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    let track = part("trak", &[part("tkhd", &track), media].concat());
    let movie = part("moov", &[part("mvhd", &movie), track].concat());
    BytesMut::from([part("ftyp", b"isom\0\0\0\0mp42"), movie].concat().as_slice())
}

fn part(kind: &str, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(8 + content.len()).expect("it is small");
    [&size.to_be_bytes(), kind.as_bytes(), content].concat()
}
