//! Small files of each type, made here.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbaImage};

/// A picture, encoded. A quarter of it can be seen through.
pub(super) fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let picture = RgbaImage::from_fn(width, height, |x, y| {
        let hidden = x < width / 2 && y < height / 2;
        image::Rgba([200, 40, 40, if hidden { 0 } else { 255 }])
    });
    let picture = DynamicImage::from(picture);
    let picture = match format {
        ImageFormat::Jpeg => picture.to_rgb8().into(),
        _ => picture,
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A JPEG with segments put behind its first marker.
pub(super) fn jpeg_with(segments: &[Vec<u8>], width: u32, height: u32) -> Vec<u8> {
    let plain = picture(ImageFormat::Jpeg, width, height);
    [&plain[..2], &segments.concat(), &plain[2..]].concat()
}

/// A segment of a JPEG.
pub(super) fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len() + 2).unwrap().to_be_bytes();
    [&[0xff, marker], &length[..], data].concat()
}

/// The Exif segment that has a picture turned.
pub(super) fn exif(orientation: u8) -> Vec<u8> {
    let ifd = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
    segment(0xe1, &[&b"Exif\0\0MM\0\x2a\0\0\0\x08"[..], &ifd].concat())
}

/// A box.
pub(super) fn atom(kind: &str, data: &[u8]) -> Vec<u8> {
    let size = u32::try_from(data.len() + 8).unwrap().to_be_bytes();
    [&size[..], kind.as_bytes(), data].concat()
}

/// The box of brands.
pub(super) fn ftyp(major: &str, compatible: &[&str]) -> Vec<u8> {
    atom("ftyp", &[major.as_bytes(), &[0; 4], compatible.concat().as_bytes()].concat())
}

/// What a `moov` is to say.
#[derive(Clone, Copy)]
pub(super) struct Movie {
    pub width: u16,
    pub height: u16,
    pub units: u32,
    pub per_second: u32,
    pub turned: bool,
    pub handler: &'static str,
}

pub(super) const MOVIE: Movie = Movie {
    width: 1_920,
    height: 1_080,
    units: 12_500,
    per_second: 1_000,
    turned: false,
    handler: "vide",
};

/// The box that describes a video. An audio track comes first.
pub(super) fn moov(movie: Movie) -> Vec<u8> {
    let numbers =
        |numbers: &[u32]| numbers.iter().flat_map(|n| n.to_be_bytes()).collect::<Vec<_>>();
    let mvhd = numbers(&[0, 0, 0, movie.per_second, movie.units]);
    let trak = |handler: &str, width: u16, height: u16| {
        let one = 0x1_0000;
        let matrix = if movie.turned {
            [0, one, 0, 0_u32.wrapping_sub(one), 0, 0, 0, 0, 0x4000_0000]
        } else {
            [one, 0, 0, 0, one, 0, 0, 0, 0x4000_0000]
        };
        let size = numbers(&[u32::from(width) << 16, u32::from(height) << 16]);
        let tkhd = [numbers(&[0; 10]), numbers(&matrix), size].concat();
        let hdlr = [&[0; 8], handler.as_bytes(), &[0; 12]].concat();
        let mdia = atom("mdia", &[atom("mdhd", &[0; 24]), atom("hdlr", &hdlr)].concat());
        atom("trak", &[atom("tkhd", &tkhd), mdia].concat())
    };
    let tracks = [trak("soun", 0, 0), trak(movie.handler, movie.width, movie.height)].concat();
    atom("moov", &[atom("mvhd", &mvhd), tracks].concat())
}

pub(super) fn mp4(movie: Movie) -> Vec<u8> {
    let ftyp = ftyp("isom", &["isom", "iso2", "avc1", "mp41"]);
    [ftyp, moov(movie), atom("mdat", &[1; 100])].concat()
}

/// As recorders write it: the description comes last.
pub(super) fn quicktime(movie: Movie, data: usize) -> Vec<u8> {
    let ftyp = ftyp("qt  ", &["qt  "]);
    [ftyp, atom("wide", &[]), atom("mdat", &vec![1; data]), moov(movie)].concat()
}

/// A photo of a size, with a smaller preview, turned by so many quarters.
pub(super) fn heif(brands: &[&str], width: u32, height: u32, quarters: u8) -> Vec<u8> {
    let ispe = |width: u32, height: u32| {
        atom("ispe", &[[0; 4], width.to_be_bytes(), height.to_be_bytes()].concat())
    };
    let properties =
        [ispe(160, 120), atom("irot", &[1]), ispe(width, height), atom("irot", &[quarters])];
    let ipco = atom("ipco", &properties.concat());
    // Item 7 is the preview, item 9 the picture.
    let ipma = [&[0, 0, 0, 0, 0, 0, 0, 2][..], &[0, 7, 2, 1, 0x82], &[0, 9, 2, 3, 0x84]].concat();
    let iprp = atom("iprp", &[ipco, atom("ipma", &ipma)].concat());
    let pitm = atom("pitm", &[0, 0, 0, 0, 0, 9]);
    let hdlr = atom("hdlr", &[&[0; 8], &b"pict"[..], &[0; 13]].concat());
    let meta = atom("meta", &[vec![0; 4], hdlr, pitm, iprp].concat());
    [ftyp(brands[0], brands), meta, atom("mdat", &[1; 100])].concat()
}

/// An element of WebM. Ids are written with their marks.
pub(super) fn element(id: &[u8], data: &[u8]) -> Vec<u8> {
    let size = (data.len() as u64 | 1 << 56).to_be_bytes();
    [id, &size, data].concat()
}

/// A WebM video, and whether its segment says how long it is.
pub(super) fn webm(doc_type: &str, milliseconds: f64, known: bool) -> Vec<u8> {
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], doc_type.as_bytes()));
    let info = [
        element(&[0x2a, 0xd7, 0xb1], &1_000_000_u32.to_be_bytes()),
        element(&[0x44, 0x89], &milliseconds.to_be_bytes()),
    ];
    let video = [element(&[0xb0], &[0x05, 0x00]), element(&[0xba], &[0x02, 0xd0])].concat();
    let entry = [element(&[0x83], &[1]), element(&[0xe0], &video)].concat();
    let sound = element(&[0x83], &[2]);
    let tracks = [element(&[0xae], &sound), element(&[0xae], &entry)].concat();
    let children = [
        element(&[0xec], &[0; 50]),
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], &tracks),
        element(&[0x1f, 0x43, 0xb6, 0x75], &[1; 100]),
    ]
    .concat();
    let mut segment = element(&[0x18, 0x53, 0x80, 0x67], &children);
    if !known {
        segment[4..12].copy_from_slice(&[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    }
    [header, segment].concat()
}

pub(super) const PDF: &[u8] = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n";
