//! How large MP4 and QuickTime videos are, and how long they run (ISO/IEC 14496-12).

use super::{
    Refused, Size, Video, duration,
    isobmff::{Atom, Atoms},
    reader::Reader,
};

/// What a `tkhd` says.
#[derive(Clone, Copy)]
struct Track {
    size: Option<Size>,
    is_video: bool,
}

/// Reads the `moov` of a file, which may come before the data and after it. A file without a video track is none.
pub(super) async fn read(reader: &mut Reader<'_>) -> Result<Video, Refused> {
    let moov = Atoms::all(reader).find(reader, b"moov").await?.ok_or(Refused::Broken)?;
    let (mut per_second, mut units, mut fragments) = (0, 0, 0);
    let mut video: Option<Track> = None;
    let mut children = moov.children(0);
    while let Some(atom) = children.next(reader).await? {
        match &atom.kind {
            b"mvhd" => (per_second, units) = header(reader, atom).await?,
            b"mvex" => {
                if let Some(mehd) = atom.children(0).find(reader, b"mehd").await? {
                    fragments = length(reader, mehd, 4, 4).await?;
                }
            }
            b"trak" if video.is_none_or(|track| track.size.is_none()) => {
                let track = track(reader, atom).await?;
                video = Some(track).filter(|track| track.is_video).or(video);
            }
            _ => {}
        }
    }
    let track = video.ok_or(Refused::Unsupported)?;
    // A file in fragments says how long all of them run apart from its own, empty, beginning.
    let units = if units == 0 { fragments } else { units };
    Ok(Video { size: track.size, duration: duration(units, per_second) })
}

/// Units in a second and units in all, of a `mvhd`.
async fn header(reader: &mut Reader<'_>, mvhd: Atom) -> Result<(u64, u64), Refused> {
    let [version] = mvhd.array(reader, 0).await?;
    let at = if version == 1 { 20 } else { 12 };
    let per_second = u32::from_be_bytes(mvhd.array(reader, at).await?);
    Ok((per_second.into(), length(reader, mvhd, 16, 24).await?))
}

/// A number of units, 32 bits at one place or 64 bits at another by the box's version. All ones are "not known".
async fn length(
    reader: &mut Reader<'_>,
    atom: Atom,
    short: u64,
    long: u64,
) -> Result<u64, Refused> {
    let [version] = atom.array(reader, 0).await?;
    let known = if version == 1 {
        Some(u64::from_be_bytes(atom.array(reader, long).await?)).filter(|units| *units < u64::MAX)
    } else {
        let units = u32::from_be_bytes(atom.array(reader, short).await?);
        Some(units).filter(|units| *units < u32::MAX).map(u64::from)
    };
    Ok(known.unwrap_or(0))
}

async fn track(reader: &mut Reader<'_>, trak: Atom) -> Result<Track, Refused> {
    let mut track = Track { size: None, is_video: false };
    let mut children = trak.children(0);
    while let Some(atom) = children.next(reader).await? {
        match &atom.kind {
            b"tkhd" => track.size = shown(reader, atom).await?,
            b"mdia" => {
                if let Some(hdlr) = atom.children(0).find(reader, b"hdlr").await? {
                    track.is_video = hdlr.array(reader, 8).await? == *b"vide";
                }
            }
            _ => {}
        }
    }
    Ok(track)
}

/// The size at which a `tkhd` wants its track to be shown.
async fn shown(reader: &mut Reader<'_>, tkhd: Atom) -> Result<Option<Size>, Refused> {
    const SIZE: u64 = 36;
    let [version] = tkhd.array(reader, 0).await?;
    let matrix = if version == 1 { 52 } else { 40 };
    let [a, b, _, c, d] = {
        let bytes: [u8; 20] = tkhd.array(reader, matrix).await?;
        [0, 4, 8, 12, 16].map(|at| bytes[at..at + 4] != [0; 4])
    };
    let [w1, w2, _, _, h1, h2, _, _] = tkhd.array::<8>(reader, matrix + SIZE).await?;
    let (width, height) =
        (u16::from_be_bytes([w1, w2]).into(), u16::from_be_bytes([h1, h2]).into());
    let on_its_side = b && c && !a && !d;
    let size = if on_its_side { (height, width) } else { (width, height) };
    Ok(Some(size).filter(|_| width > 0 && height > 0))
}
