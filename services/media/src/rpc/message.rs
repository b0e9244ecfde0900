//! Rows as messages. A medium's URLs are not in its row: [`super::links`] puts them in.

use postbreeze_proto::{
    internal::v1::MediaSummary,
    time::to_proto,
    v1::{Folder, Media, MediaKind, MediaStatus as Wire},
};
use prost_types::Duration;

use super::links::HAS_THUMBNAIL;
use crate::{
    error::Error,
    medium::MediaStatus,
    store::{folders::FolderRow, media::MediaRow},
};

/// A medium as clients see it, but for its URLs: that of a small picture only says whether there is one.
pub(super) fn media(row: &MediaRow) -> Result<Media, Error> {
    Ok(Media {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        folder_id: row.folder_id.map(String::from).unwrap_or_default(),
        filename: row.filename.clone(),
        kind: kind(row)?.into(),
        status: status(row)?.into(),
        content_type: row.content_type.clone(),
        size_bytes: row.size_bytes,
        alt_text: row.alt_text.clone(),
        width_px: row.width_px,
        height_px: row.height_px,
        duration: row.duration_ms.map(duration),
        download_url: String::new(),
        download_expire_time: None,
        create_time: Some(to_proto(row.create_time)),
        update_time: Some(to_proto(row.update_time)),
        thumbnail_url: if row.has_thumbnail { HAS_THUMBNAIL.to_owned() } else { String::new() },
    })
}

/// A medium as other services see it.
pub(super) fn summary(row: &MediaRow) -> Result<MediaSummary, Error> {
    Ok(MediaSummary {
        media_id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        status: status(row)?.into(),
        kind: kind(row)?.into(),
        content_type: row.content_type.clone(),
        size_bytes: row.size_bytes,
        width_px: row.width_px,
        height_px: row.height_px,
        duration: row.duration_ms.map(duration),
        alt_text: row.alt_text.clone(),
    })
}

/// A folder as clients see it.
pub(super) fn folder(row: FolderRow) -> Folder {
    Folder {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        parent_folder_id: row.parent_folder_id.map(String::from).unwrap_or_default(),
        name: row.name,
        create_time: Some(to_proto(row.create_time)),
        update_time: Some(to_proto(row.update_time)),
    }
}

fn kind(row: &MediaRow) -> Result<MediaKind, Error> {
    MediaKind::try_from(i32::from(row.kind)).map_err(|_| Error::Unreadable("media kind"))
}

fn status(row: &MediaRow) -> Result<Wire, Error> {
    Ok(match row.status()? {
        // Nobody is shown one that is being ingested.
        MediaStatus::PendingUpload | MediaStatus::Ingesting => Wire::PendingUpload,
        MediaStatus::Ready => Wire::Ready,
        MediaStatus::Rejected => Wire::Rejected,
    })
}

fn duration(millis: i64) -> Duration {
    let nanos = i32::try_from(millis.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    Duration { seconds: millis.div_euclid(1_000), nanos }
}
