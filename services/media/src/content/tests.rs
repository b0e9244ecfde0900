//! What files are found to be.

use std::time::Duration;

use image::ImageFormat;

use super::{
    ContentType, Inspected, Refused, look,
    reader::Reader,
    samples::{
        MOVIE, Movie, PDF, atom, element, exif, ftyp, heif, jpeg_with, moov, mp4, picture,
        quicktime, segment, webm,
    },
};

async fn found(bytes: Vec<u8>) -> Result<Inspected, Refused> {
    look(&mut Reader::held(bytes.into()).await?).await
}

async fn size(bytes: Vec<u8>) -> (ContentType, Option<u32>, Option<u32>) {
    let found = found(bytes).await.unwrap();
    (found.content_type, found.width_px, found.height_px)
}

async fn refused(bytes: impl Into<Vec<u8>>) -> Refused {
    found(bytes.into()).await.unwrap_err()
}

#[tokio::test]
async fn pictures_are_told_by_their_bytes() {
    for (format, content_type) in [
        (ImageFormat::Jpeg, ContentType::Jpeg),
        (ImageFormat::Png, ContentType::Png),
        (ImageFormat::Gif, ContentType::Gif),
        (ImageFormat::WebP, ContentType::Webp),
    ] {
        let bytes = picture(format, 30, 20);
        assert_eq!(size(bytes).await, (content_type, Some(30), Some(20)));
    }
}

#[tokio::test]
async fn every_kind_of_webp_has_a_size() {
    let webp = |kind: &[u8; 4], data: &[u8]| {
        let length = u32::try_from(data.len()).unwrap().to_le_bytes();
        let chunk = [&kind[..], &length, data].concat();
        let riff = u32::try_from(chunk.len() + 4).unwrap().to_le_bytes();
        [&b"RIFF"[..], &riff, b"WEBP", &chunk].concat()
    };
    let lossy = webp(b"VP8 ", &[0, 0, 0, 0x9d, 0x01, 0x2a, 30, 0x40, 20, 0x80]);
    assert_eq!(size(lossy).await, (ContentType::Webp, Some(30), Some(20)));
    let extended = webp(b"VP8X", &[0, 0, 0, 0, 29, 0, 0, 19, 0, 0]);
    assert_eq!(size(extended).await, (ContentType::Webp, Some(30), Some(20)));
    assert!(matches!(refused(webp(b"VP8 ", &[0; 10])).await, Refused::Broken));
}

#[tokio::test]
async fn a_photo_that_is_to_be_turned_is_as_wide_as_it_is_shown() {
    for (orientation, shown) in [(1, (30, 20)), (3, (30, 20)), (6, (20, 30)), (8, (20, 30))] {
        let (_, width, height) = size(jpeg_with(&[exif(orientation)], 30, 20)).await;
        assert_eq!((width, height), (Some(shown.0), Some(shown.1)), "{orientation}");
    }
    let of = async |quarters| {
        let (_, width, height) =
            size(heif(&["heic", "mif1", "heic"], 4_032, 3_024, quarters)).await;
        (width.unwrap(), height.unwrap())
    };
    assert_eq!(of(0).await, (4_032, 3_024));
    assert_eq!(of(1).await, (3_024, 4_032));
    assert_eq!(of(2).await, (4_032, 3_024));
}

#[tokio::test]
async fn a_size_is_found_behind_large_previews() {
    let previews = vec![segment(0xe2, &vec![7; 65_000]); 200];
    assert_eq!(size(jpeg_with(&previews, 30, 20)).await, (ContentType::Jpeg, Some(30), Some(20)));
}

#[tokio::test]
async fn photos_in_boxes_are_told_by_their_brands() {
    let heic = heif(&["mif1", "mif1", "heic"], 40, 30, 0);
    assert_eq!(size(heic).await, (ContentType::Heic, Some(40), Some(30)));
    let heif_alone = heif(&["mif1", "mif1", "miaf"], 40, 30, 0);
    assert_eq!(size(heif_alone).await, (ContentType::Heif, Some(40), Some(30)));
    assert!(matches!(refused(heif(&["avif", "mif1"], 40, 30, 0)).await, Refused::Unsupported));
}

#[tokio::test]
async fn videos_say_how_large_they_are_and_how_long_they_run() {
    let expected = |content_type| Inspected {
        content_type,
        width_px: Some(1_920),
        height_px: Some(1_080),
        duration: Some(Duration::from_millis(12_500)),
    };
    assert_eq!(found(mp4(MOVIE)).await.unwrap(), expected(ContentType::Mp4));
    // The description comes after more data than is ever read.
    let long = quicktime(MOVIE, 64 * 1024 * 1024);
    assert_eq!(found(long).await.unwrap(), expected(ContentType::Quicktime));
    let turned = found(mp4(Movie { turned: true, ..MOVIE })).await.unwrap();
    assert_eq!((turned.width_px, turned.height_px), (Some(1_080), Some(1_920)));
    for known in [true, false] {
        let found = found(webm("webm", 12_500.0, known)).await.unwrap();
        let (width_px, height_px) = (Some(1_280), Some(720));
        assert_eq!(found, Inspected { width_px, height_px, ..expected(ContentType::Webm) });
    }
}

#[tokio::test]
async fn a_video_in_fragments_says_its_length_apart() {
    let mut moov = moov(Movie { units: 0, ..MOVIE });
    let mehd = [0_u32, 12_500].map(u32::to_be_bytes).concat();
    moov.extend(atom("mvex", &atom("mehd", &mehd)));
    let size = u32::try_from(moov.len()).unwrap().to_be_bytes();
    moov[..4].copy_from_slice(&size);
    let bytes = [ftyp("iso5", &["iso5", "dash"]), moov].concat();
    assert_eq!(found(bytes).await.unwrap().duration, Some(Duration::from_millis(12_500)));
}

#[tokio::test]
async fn a_length_that_is_not_known_is_none() {
    for (units, per_second) in [(0, 1_000), (u32::MAX, 1_000), (1_000, 0), (u32::MAX - 1, 1)] {
        let found = found(mp4(Movie { units, per_second, ..MOVIE })).await.unwrap();
        assert_eq!(found.duration, None, "{units} {per_second}");
    }
    for length in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300] {
        assert_eq!(found(webm("webm", length, true)).await.unwrap().duration, None, "{length}");
    }
}

#[tokio::test]
async fn a_document_is_a_document() {
    let expected = Inspected {
        content_type: ContentType::Pdf,
        width_px: None,
        height_px: None,
        duration: None,
    };
    assert_eq!(found(PDF.to_vec()).await.unwrap(), expected);
}

#[tokio::test]
async fn what_is_no_medium_is_not_supported() {
    let sound = Movie { handler: "soun", ..MOVIE };
    for bytes in [
        b"".to_vec(),
        b"<!DOCTYPE html><html><body>photo.jpg</body></html>".to_vec(),
        b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(),
        b"PK\x03\x04 a document of an office".to_vec(),
        b"MZ\x90\0 a program".to_vec(),
        b"<html> %PDF-1.7 ".to_vec(),
        b"%PDF-".to_vec(),
        [&b"<script>"[..], &picture(ImageFormat::Png, 3, 2)].concat(),
        [ftyp("M4A ", &["M4A ", "mp42", "isom"]), moov(sound)].concat(),
        ftyp("jp2 ", &["jp2 "]),
        webm("matroska", 1.0, true),
        b"GIF88a\x01\0\x01\0".to_vec(),
    ] {
        let refused = refused(bytes.clone()).await;
        assert!(matches!(refused, Refused::Unsupported), "{refused:?}: {bytes:?}");
    }
}

#[tokio::test]
async fn what_is_cut_off_is_broken() {
    for bytes in [
        picture(ImageFormat::Jpeg, 30, 20)[..24].to_vec(),
        picture(ImageFormat::Png, 30, 20)[..20].to_vec(),
        b"GIF89a\x01".to_vec(),
        heif(&["heic", "heic"], 40, 30, 0)[..150].to_vec(),
        mp4(MOVIE)[..200].to_vec(),
        quicktime(MOVIE, 1_000)[..900].to_vec(),
        webm("webm", 1.0, true)[..100].to_vec(),
        ftyp("isom", &["isom"]),
        element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm")),
    ] {
        let refused = refused(bytes.clone()).await;
        assert!(matches!(refused, Refused::Broken), "{refused:?}: {bytes:?}");
    }
}

#[tokio::test]
async fn too_many_pixels_are_refused_by_the_header_alone() {
    let png = |width: u32, height: u32| {
        let size = [width, height].map(u32::to_be_bytes).concat();
        [&b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"[..], &size, &[8, 6, 0, 0, 0]].concat()
    };
    assert!(matches!(
        refused(png(100_000, 100_000)).await,
        Refused::TooManyPixels { width_px: 100_000, height_px: 100_000 }
    ));
    assert!(matches!(refused(png(u32::MAX, u32::MAX)).await, Refused::TooManyPixels { .. }));
    assert!(matches!(refused(png(30_001, 1)).await, Refused::TooManyPixels { .. }));
    assert!(matches!(refused(png(10_001, 10_000)).await, Refused::TooManyPixels { .. }));
    assert!(matches!(refused(png(0, 10)).await, Refused::Broken));
    assert_eq!(size(png(10_000, 10_000)).await, (ContentType::Png, Some(10_000), Some(10_000)));
    assert_eq!(size(png(30_000, 1)).await, (ContentType::Png, Some(30_000), Some(1)));
    let gif = b"GIF89a\xff\xff\xff\xff\0\0\0".to_vec();
    assert!(matches!(refused(gif).await, Refused::TooManyPixels { .. }));
    let heic = heif(&["heic", "heic"], 100_000, 100_000, 0);
    assert!(matches!(refused(heic).await, Refused::TooManyPixels { .. }));
}
