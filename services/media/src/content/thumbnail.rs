//! Small pictures of images.

use std::io::Cursor;

use image::{
    DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage, RgbaImage,
    codecs::jpeg::JpegEncoder, metadata::Orientation,
};

use super::ContentType;

/// The type of thumbnails.
pub const THUMBNAIL_TYPE: ContentType = ContentType::Jpeg;
/// The most bytes an image may have for a thumbnail of it to be made.
pub const THUMBNAIL_SOURCE_BYTES: u64 = 64 * 1024 * 1024;

const LONGEST_SIDE_PX: u32 = 512;
const QUALITY: u8 = 82;
/// What is larger has no thumbnail.
const SOURCE_PIXELS: u64 = 40_000_000;
/// What a picture may take when it is decoded, and what its decoder may take for itself.
const DECODED_BYTES: u64 = 256 * 1024 * 1024;

/// What can be decoded.
fn format(content_type: ContentType) -> Option<ImageFormat> {
    match content_type {
        ContentType::Jpeg => Some(ImageFormat::Jpeg),
        ContentType::Png => Some(ImageFormat::Png),
        ContentType::Gif => Some(ImageFormat::Gif),
        ContentType::Webp => Some(ImageFormat::WebP),
        ContentType::Heic
        | ContentType::Heif
        | ContentType::Mp4
        | ContentType::Quicktime
        | ContentType::Webm
        | ContentType::Pdf => None,
    }
}

/// A small picture of an image, of [`THUMBNAIL_TYPE`], no side longer than 512 pixels. None where there is none to be had, for
/// whatever reason: that is no fault of the medium. Blocks for up to a second and takes a multiple of the image's bytes: to be
/// run where blocking is allowed, and one at a time.
#[must_use]
pub fn thumbnail(bytes: &[u8], content_type: ContentType) -> Option<Vec<u8>> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODED_BYTES);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format(content_type)?);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let (width, height) = decoder.dimensions();
    let pixels = u64::from(width) * u64::from(height);
    if pixels > SOURCE_PIXELS || decoder.total_bytes() > DECODED_BYTES {
        return None;
    }
    // Only cameras turn pictures this way.
    let orientation = match content_type {
        ContentType::Jpeg => decoder.orientation().ok()?,
        _ => Orientation::NoTransforms,
    };
    let image = DynamicImage::from_decoder(decoder).ok()?;
    let mut small = if width.max(height) > LONGEST_SIDE_PX {
        image.thumbnail(LONGEST_SIDE_PX, LONGEST_SIDE_PX)
    } else {
        image
    };
    small.apply_orientation(orientation);
    let small = on_white(&small.into_rgba8());
    let mut jpeg = Vec::new();
    small.write_with_encoder(JpegEncoder::new_with_quality(&mut jpeg, QUALITY)).ok()?;
    Some(jpeg)
}

/// What lies under pictures that can be seen through.
fn on_white(picture: &RgbaImage) -> RgbImage {
    let mut opaque = RgbImage::new(picture.width(), picture.height());
    for (to, from) in opaque.pixels_mut().zip(picture.pixels()) {
        let [red, green, blue, alpha] = from.0.map(u16::from);
        let over =
            |colour: u16| ((colour * alpha + 255 * (255 - alpha)) / 255).try_into().unwrap_or(255);
        *to = Rgb([red, green, blue].map(over));
    }
    opaque
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;
    use crate::content::samples::{PDF, exif, jpeg_with, picture};

    fn made(bytes: &[u8], content_type: ContentType) -> RgbImage {
        let small = thumbnail(bytes, content_type).unwrap();
        image::load_from_memory_with_format(&small, ImageFormat::Jpeg).unwrap().into_rgb8()
    }

    #[test]
    fn a_thumbnail_has_no_side_longer_than_512_pixels() {
        for (format, content_type) in [
            (ImageFormat::Jpeg, ContentType::Jpeg),
            (ImageFormat::Png, ContentType::Png),
            (ImageFormat::Gif, ContentType::Gif),
            (ImageFormat::WebP, ContentType::Webp),
        ] {
            let small = made(&picture(format, 1_024, 64), content_type);
            assert_eq!(small.dimensions(), (512, 32));
        }
    }

    #[test]
    fn a_small_picture_stays_as_it_is() {
        let small = made(&picture(ImageFormat::Png, 30, 20), ContentType::Png);
        assert_eq!(small.dimensions(), (30, 20));
    }

    #[test]
    fn a_photo_is_turned() {
        let small = made(&jpeg_with(&[exif(6)], 30, 20), ContentType::Jpeg);
        assert_eq!(small.dimensions(), (20, 30));
    }

    #[test]
    fn what_can_be_seen_through_lies_on_white() {
        let small = made(&picture(ImageFormat::Png, 64, 64), ContentType::Png);
        assert!(small.get_pixel(4, 4).0.iter().all(|colour| *colour > 250));
        assert!(small.get_pixel(60, 60).0[1] < 60);
    }

    #[test]
    fn what_cannot_be_decoded_has_none() {
        assert_eq!(thumbnail(PDF, ContentType::Pdf), None);
        assert_eq!(thumbnail(b"\xff\xd8\xff no photo", ContentType::Jpeg), None);
        let cut = picture(ImageFormat::Png, 64, 64);
        assert_eq!(thumbnail(&cut[..60], ContentType::Png), None);
        // Named as another type than it is.
        assert_eq!(thumbnail(&picture(ImageFormat::Png, 8, 8), ContentType::Webp), None);
    }
}
