//! What stored objects are found to be, over a real store.

use std::io::Cursor;

use image::{DynamicImage, ImageFormat, RgbImage};
use postbreeze_media::content::{self, ContentType, Inspected, Refused, inspect};

use crate::support::{PNG, Store};

on_every_store!(
    a_picture_is_what_its_bytes_say,
    a_page_is_no_picture,
    a_thumbnail_is_made_of_what_is_stored,
);

fn picture(format: ImageFormat, width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let picture = DynamicImage::from(RgbImage::from_fn(width, height, |x, y| {
        image::Rgb([x, y, x ^ y].map(|value| u8::try_from(value % 256).unwrap()))
    }));
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn a_picture_is_what_its_bytes_say(store: Store) {
    for (format, content_type) in [
        (ImageFormat::Jpeg, ContentType::Jpeg),
        (ImageFormat::Png, ContentType::Png),
        (ImageFormat::Gif, ContentType::Gif),
        (ImageFormat::WebP, ContentType::Webp),
    ] {
        let (key, bytes) = (store.key(), picture(format, 60, 30));
        let size_bytes = bytes.len() as u64;
        store.storage.put(&key, PNG, bytes.into()).await.unwrap();
        let found = inspect(&store.storage, &key, size_bytes).await.unwrap();
        let (width_px, height_px) = (Some(60), Some(30));
        assert_eq!(found, Inspected { content_type, width_px, height_px, duration: None });
    }
}

async fn a_page_is_no_picture(store: Store) {
    let key = store.uploaded(b"<!DOCTYPE html><script>alert(1)</script>").await;
    let refused = inspect(&store.storage, &key, 40).await.unwrap_err();
    assert!(matches!(refused, Refused::Unsupported), "{refused:?}");
}

async fn a_thumbnail_is_made_of_what_is_stored(store: Store) {
    let key = store.key();
    store.storage.put(&key, PNG, picture(ImageFormat::Png, 1_024, 64).into()).await.unwrap();
    let bytes = store.storage.read(&key, content::THUMBNAIL_SOURCE_BYTES).await.unwrap();
    let small = content::thumbnail(&bytes, ContentType::Png).unwrap();
    let small = image::load_from_memory_with_format(&small, ImageFormat::Jpeg).unwrap();
    assert_eq!((small.width(), small.height()), (512, 32));
}
