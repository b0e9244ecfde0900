//! Bytes that lie. Whatever they say, an answer comes: no panic, no endless search, no memory that grows with a claim.

use std::sync::LazyLock;

use bytes::Bytes;
use image::ImageFormat;
use postbreeze_proto::v1::MediaKind;
use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};

use super::{
    ContentType, Inspected, MAX_PIXELS, MAX_SIDE_PX, Refused, look,
    reader::Reader,
    samples::{
        MOVIE, PDF, atom, element, exif, ftyp, heif, jpeg_with, moov, mp4, picture, quicktime, webm,
    },
    thumbnail,
};

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn found(runtime: &Runtime, bytes: Vec<u8>) -> Result<Inspected, Refused> {
    runtime.block_on(async { look(&mut Reader::held(bytes.into()).await?).await })
}

/// Whatever is found is within what a library takes.
fn assert_sane(found: &Result<Inspected, Refused>) {
    match found {
        Ok(Inspected { content_type, width_px: Some(width), height_px: Some(height), .. }) => {
            let is_image = content_type.kind() == MediaKind::Image;
            let longest = if is_image { MAX_SIDE_PX } else { 65_536 };
            assert!((1..=longest).contains(width) && (1..=longest).contains(height), "{found:?}");
            let pixels = u64::from(*width) * u64::from(*height);
            assert!(!is_image || pixels <= MAX_PIXELS, "{found:?}");
        }
        Ok(found) => assert!(found.content_type.kind() != MediaKind::Image, "{found:?}"),
        Err(Refused::Unsupported | Refused::Broken | Refused::TooManyPixels { .. }) => {}
        Err(Refused::Storage(error)) => panic!("{error:?}"),
    }
}

static SAMPLES: LazyLock<[Vec<u8>; 10]> = LazyLock::new(|| {
    [
        jpeg_with(&[exif(6)], 30, 20),
        picture(ImageFormat::Png, 30, 20),
        picture(ImageFormat::Gif, 30, 20),
        picture(ImageFormat::WebP, 30, 20),
        heif(&["heic", "mif1", "heic"], 4_032, 3_024, 1),
        mp4(MOVIE),
        quicktime(MOVIE, 500),
        webm("webm", 12_500.0, true),
        webm("webm", 12_500.0, false),
        PDF.to_vec(),
    ]
});

/// How each type begins.
const BEGINNINGS: [&[u8]; 9] = [
    b"\xff\xd8\xff",
    b"\x89PNG\r\n\x1a\n",
    b"GIF89a",
    b"RIFF\0\0\0\0WEBP",
    b"\0\0\0\x10ftypheic\0\0\0\0",
    b"\0\0\0\x10ftypisom\0\0\0\0",
    b"\0\0\0\x08wide",
    b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm\x18\x53\x80\x67",
    b"%PDF-1.7",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_bytes_get_an_answer(beginning in 0..BEGINNINGS.len(), rest in any::<Vec<u8>>()) {
        assert_sane(&found(&runtime(), [BEGINNINGS[beginning], &rest].concat()));
    }

    #[test]
    fn changed_and_cut_files_get_an_answer(
        sample in 0..SAMPLES.len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut bytes = SAMPLES[sample].clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        assert_sane(&found(&runtime(), bytes));
    }

    #[test]
    fn changed_numbers_get_an_answer(
        sample in 0..SAMPLES.len(),
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![0, 1, 7, 8, 0x7fff_ffff, 0x8000_0000, u32::MAX]),
    ) {
        let mut bytes = SAMPLES[sample].clone();
        let place = place.index(bytes.len() - 3);
        bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
        assert_sane(&found(&runtime(), bytes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_thumbnail_of_anything_is_small_or_none(
        sample in 0..4_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12),
    ) {
        let types = [ContentType::Jpeg, ContentType::Png, ContentType::Gif, ContentType::Webp];
        let mut bytes = SAMPLES[sample].clone();
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Some(small) = thumbnail(&bytes, types[sample]) {
            let small = image::load_from_memory_with_format(&small, ImageFormat::Jpeg).unwrap();
            prop_assert!(small.width().max(small.height()) <= 512);
        }
    }
}

#[test]
fn boxes_of_impossible_sizes_are_broken() {
    let runtime = runtime();
    let long = |size: u64| [&b"\0\0\0\x01moov"[..], &size.to_be_bytes()].concat();
    for atom in [
        b"\0\0\0\x02moov".to_vec(),
        b"\xff\xff\xff\xffmoov".to_vec(),
        b"\0\0\0\x01moov".to_vec(),
        long(0),
        long(15),
        long(1 << 63),
        long(u64::MAX),
    ] {
        let bytes = [ftyp("isom", &["isom"]), atom].concat();
        assert!(matches!(found(&runtime, bytes), Err(Refused::Broken)));
    }
    // To the end of the file: what is in it is looked at.
    let to_the_end = [ftyp("isom", &["isom"]), b"\0\0\0\0moov".to_vec()].concat();
    assert!(matches!(found(&runtime, to_the_end), Err(Refused::Unsupported)));
}

#[test]
fn boxes_without_number_are_not_counted() {
    let runtime = runtime();
    let many = atom("free", &[]).repeat(1_000_000);
    let bytes = [ftyp("isom", &["isom"]), many, moov(MOVIE)].concat();
    assert!(matches!(found(&runtime, bytes), Err(Refused::Broken)));
    // Each so far from the next that it has to be read for.
    let far = atom("free", &vec![0; 2 * 1024 * 1024]).repeat(50);
    let bytes = [ftyp("isom", &["isom"]), far, moov(MOVIE)].concat();
    assert!(matches!(found(&runtime, bytes), Err(Refused::Broken)));
}

#[test]
fn a_box_in_a_box_in_a_box_is_not_followed() {
    let runtime = runtime();
    let mut nested = atom("moov", &[]);
    for _ in 0..10_000 {
        nested = atom("moov", &nested);
    }
    let bytes = [ftyp("isom", &["isom"]), nested].concat();
    assert!(matches!(found(&runtime, bytes), Err(Refused::Unsupported)));
    let mut nested = element(&[0xae], &[]);
    for _ in 0..5_000 {
        nested = element(&[0xae], &nested);
    }
    let header = element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"));
    let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &nested);
    let bytes = [header, element(&[0x18, 0x53, 0x80, 0x67], &tracks)].concat();
    assert!(matches!(found(&runtime, bytes), Err(Refused::Unsupported)));
}

#[test]
fn a_photo_that_claims_countless_properties_is_broken() {
    let mut bytes = heif(&["heic", "heic"], 40, 30, 0);
    let ipma = bytes.windows(4).position(|kind| kind == b"ipma").unwrap();
    bytes[ipma + 8..ipma + 12].copy_from_slice(&u32::MAX.to_be_bytes());
    bytes[ipma + 18] = 1;
    assert!(matches!(found(&runtime(), bytes), Err(Refused::Broken)));
}

#[test]
fn a_photo_that_is_turned_again_and_again_has_a_size() {
    let bytes = heif(&["heic", "heic"], 40, 30, 3);
    let ipma = bytes.windows(4).position(|kind| kind == b"ipma").unwrap() - 4;
    let turns = [&[0, 0, 0, 0, 0, 0, 0, 1, 0, 9, 255, 3][..], &[4; 254]].concat();
    let iprp = bytes.windows(4).position(|kind| kind == b"iprp").unwrap() - 4;
    let meta = bytes.windows(4).position(|kind| kind == b"meta").unwrap() - 4;
    let properties = [&bytes[iprp + 8..ipma], &atom("ipma", &turns)].concat();
    let described = [&bytes[meta + 8..iprp], &atom("iprp", &properties)].concat();
    let found = found(&runtime(), [&bytes[..meta], &atom("meta", &described)].concat()).unwrap();
    assert_eq!((found.width_px, found.height_px), (Some(40), Some(30)));
}

#[test]
fn a_picture_that_claims_to_be_vast_is_not_decoded() {
    let png = [
        &b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..],
        &[0, 1, 0x86, 0xa0].repeat(2),
        &[8, 6, 0, 0, 0, 0, 0, 0, 0],
    ]
    .concat();
    assert_eq!(thumbnail(&Bytes::from(png), ContentType::Png), None);
    let gif =
        [&b"GIF89a\xff\xff\xff\xff\0\0\0"[..], b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x01\x44\0;"]
            .concat();
    assert_eq!(thumbnail(&gif, ContentType::Gif), None);
}
