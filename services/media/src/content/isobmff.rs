//! Boxes, of which HEIF, MP4 and QuickTime files are made (ISO/IEC 14496-12).

use super::{Refused, reader::Reader};

/// What a file of boxes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Heic,
    Heif,
    Mp4,
    Quicktime,
}

pub(super) type Kind = [u8; 4];

/// A box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Atom {
    pub kind: Kind,
    /// Where what is in it begins.
    pub body: u64,
    /// Where it ends.
    pub end: u64,
}

impl Atom {
    /// The boxes in it, which begin so many bytes into it.
    pub fn children(&self, skip: u64) -> Atoms {
        Atoms { at: self.body.saturating_add(skip), end: self.end }
    }

    /// N bytes of it.
    pub async fn array<const N: usize>(
        &self,
        reader: &mut Reader<'_>,
        skip: u64,
    ) -> Result<[u8; N], Refused> {
        let at = self.body.saturating_add(skip);
        if at.saturating_add(N as u64) > self.end {
            return Err(Refused::Broken);
        }
        reader.array(at).await
    }
}

/// Boxes one after another.
pub(super) struct Atoms {
    at: u64,
    end: u64,
}

impl Atoms {
    pub fn all(reader: &Reader<'_>) -> Self {
        Self { at: 0, end: reader.size_bytes() }
    }

    /// The next one. What is too short for one ends them: some writers fill up with zeros.
    pub async fn next(&mut self, reader: &mut Reader<'_>) -> Result<Option<Atom>, Refused> {
        const SHORT: u64 = 8;
        const LONG: u64 = 16;
        let left = self.end.saturating_sub(self.at);
        if left < SHORT {
            return Ok(None);
        }
        reader.step()?;
        let [s1, s2, s3, s4, kind @ ..] = reader.array::<8>(self.at).await?;
        let (header, size) = match u32::from_be_bytes([s1, s2, s3, s4]) {
            // It goes to the end of what it is in.
            0 => (SHORT, left),
            1 if left < LONG => return Err(Refused::Broken),
            1 => (LONG, u64::from_be_bytes(reader.array(self.at + SHORT).await?)),
            size => (SHORT, size.into()),
        };
        if size < header || size > left {
            return Err(Refused::Broken);
        }
        let atom = Atom { kind, body: self.at + header, end: self.at + size };
        self.at = atom.end;
        Ok(Some(atom))
    }

    /// The next one of a kind.
    pub async fn find(
        &mut self,
        reader: &mut Reader<'_>,
        kind: &Kind,
    ) -> Result<Option<Atom>, Refused> {
        while let Some(atom) = self.next(reader).await? {
            if atom.kind == *kind {
                return Ok(Some(atom));
            }
        }
        Ok(None)
    }
}

/// Whether what begins so can be a file of boxes.
pub(super) fn begins_well(beginning: &[u8]) -> bool {
    matches!(beginning.get(4..8), Some(b"ftyp" | b"moov" | b"mdat" | b"wide"))
}

/// What a file is by its brands. Files from before there were brands are QuickTime's.
pub(super) async fn container(reader: &mut Reader<'_>) -> Result<Option<Container>, Refused> {
    const BRANDS_BYTES: u64 = 1024;
    let head = reader.head();
    match head.get(4..8) {
        Some(b"ftyp") => {}
        Some(b"moov" | b"mdat" | b"wide") => return Ok(Some(Container::Quicktime)),
        _ => return Ok(None),
    }
    let Some(ftyp) = Atoms::all(reader).next(reader).await? else { return Ok(None) };
    let length = ftyp.end - ftyp.body;
    if !(8..=BRANDS_BYTES).contains(&length) {
        return Err(Refused::Broken);
    }
    let bytes = reader.bytes(ftyp.body, length).await?;
    let mut brands = bytes.chunks_exact(4);
    let Some(major) = brands.next() else { return Ok(None) };
    let compatible: Vec<&[u8]> = brands.skip(1).collect();
    Ok(branded(major, &compatible))
}

fn branded(major: &[u8], compatible: &[&[u8]]) -> Option<Container> {
    const HEVC: [&[u8]; 8] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"];
    const HEIF: [&[u8]; 6] = [b"mif1", b"mif2", b"msf1", b"miaf", b"avci", b"jpeg"];
    const AV1: [&[u8]; 2] = [b"avif", b"avis"];
    // A raw photo, which has the tracks of a video.
    const RAW: &[u8] = b"crx ";
    const MP4: [&[u8]; 16] = [
        b"isom", b"iso2", b"iso3", b"iso4", b"iso5", b"iso6", b"iso7", b"iso8", b"iso9", b"mp41",
        b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash", b"mmp4",
    ];
    let has = |brands: &[&[u8]]| compatible.iter().any(|brand| brands.contains(brand));
    let is = |brands: &[&[u8]]| brands.contains(&major);
    if is(&AV1) || has(&AV1) || major == RAW {
        None
    } else if is(&HEVC) || is(&HEIF) && has(&HEVC) {
        Some(Container::Heic)
    } else if is(&HEIF) {
        Some(Container::Heif)
    } else if major == b"qt  " {
        Some(Container::Quicktime)
    } else if is(&MP4) || has(&MP4) {
        Some(Container::Mp4)
    } else if has(&[b"qt  "]) {
        Some(Container::Quicktime)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brands_tell_photos_from_videos() {
        let of = |brands: &[&'static str]| {
            let compatible: Vec<&[u8]> = brands[1..].iter().map(|brand| brand.as_bytes()).collect();
            branded(brands[0].as_bytes(), &compatible)
        };
        assert_eq!(of(&["heic", "mif1", "heic"]), Some(Container::Heic));
        assert_eq!(of(&["mif1", "mif1", "heic"]), Some(Container::Heic));
        assert_eq!(of(&["mif1", "mif1", "miaf"]), Some(Container::Heif));
        assert_eq!(of(&["isom", "isom", "iso2", "avc1", "mp41"]), Some(Container::Mp4));
        assert_eq!(of(&["XAVC", "XAVC", "mp42", "iso2"]), Some(Container::Mp4));
        assert_eq!(of(&["qt  ", "qt  "]), Some(Container::Quicktime));
        assert_eq!(of(&["avif", "mif1", "miaf"]), None);
        assert_eq!(of(&["mif1", "avif"]), None);
        assert_eq!(of(&["crx ", "crx ", "isom"]), None);
        assert_eq!(of(&["jp2 ", "jp2 "]), None);
    }
}
