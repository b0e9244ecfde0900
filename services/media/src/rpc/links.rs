//! The URLs at which media can be read and written. They are made for each answer and kept nowhere: whoever has one needs
//! no credential.

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use postbreeze_ids::{MediaId, WorkspaceId};
use postbreeze_proto::{
    time::{from_proto, to_proto},
    v1::{Media, MediaStatus, PresignUploadResponse},
};

use super::{Rpc, message};
use crate::{
    content::THUMBNAIL_TYPE, error::Error, medium::READING_LASTS, storage::Key,
    store::media::MediaRow,
};

/// Media whose links are made at once.
const AT_ONCE: usize = 16;

/// Stands, in a message without URLs, where that of a small picture belongs.
pub(super) const HAS_THUMBNAIL: &str = "thumbnail";

/// A medium with its URLs.
pub(super) async fn media(rpc: &Rpc, row: &MediaRow, now: DateTime<Utc>) -> Result<Media, Error> {
    linked(rpc, message::media(row)?, now).await
}

/// Media with their URLs.
pub(super) async fn all(
    rpc: &Rpc,
    rows: &[MediaRow],
    now: DateTime<Utc>,
) -> Result<Vec<Media>, Error> {
    some_at_once(rows.iter().map(|row| media(rpc, row, now)).collect()).await
}

/// Makes links for many media, in order, for only some of them at once: each may be a call of the store's provider.
pub(super) async fn some_at_once<T>(
    work: Vec<impl Future<Output = Result<T, Error>>>,
) -> Result<Vec<T>, Error> {
    stream::iter(work).buffered(AT_ONCE).try_collect().await
}

/// A message without URLs, as it is kept for a request that is repeated, with them.
pub(super) async fn linked(
    rpc: &Rpc,
    mut media: Media,
    now: DateTime<Utc>,
) -> Result<Media, Error> {
    let has_thumbnail = std::mem::take(&mut media.thumbnail_url) == HAS_THUMBNAIL;
    if media.status() != MediaStatus::Ready {
        return Ok(media);
    }
    let (workspace_id, id) = ids(&media)?;
    let expires = now + READING_LASTS;
    let (name, storage) = (&media.filename, &rpc.storage);
    let key = Key::of_medium(workspace_id, id);
    let url = storage.presign_get(&key, &media.content_type, name, expires).await?;
    if has_thumbnail {
        let key = Key::of_thumbnail(workspace_id, id);
        let kind = THUMBNAIL_TYPE.as_str();
        media.thumbnail_url = storage.presign_get(&key, kind, name, expires).await?;
    }
    media.download_url = url;
    media.download_expire_time = Some(to_proto(expires));
    Ok(media)
}

/// Where a READY medium can be read.
pub(super) struct Reading {
    /// By anybody.
    pub(super) url: String,
    /// By services; empty: as by anybody.
    pub(super) internal_url: String,
    /// Until when.
    pub(super) expires: DateTime<Utc>,
}

/// Where a READY medium can be read.
pub(super) async fn reading(
    rpc: &Rpc,
    row: &MediaRow,
    now: DateTime<Utc>,
) -> Result<Reading, Error> {
    let (key, expires) = (Key::of_medium(row.workspace_id, row.id), now + READING_LASTS);
    let (storage, kind, name) = (&rpc.storage, &row.content_type, &row.filename);
    let url = storage.presign_get(&key, kind, name, expires).await?;
    let internal_url = storage.presign_internal_get(&key, kind, name, expires).await?;
    Ok(Reading { url, internal_url: internal_url.unwrap_or_default(), expires })
}

/// A registered upload without its URL, as it is kept, with it; once that has stopped working there is none.
pub(super) async fn upload(
    rpc: &Rpc,
    kept: PresignUploadResponse,
    now: DateTime<Utc>,
) -> Result<PresignUploadResponse, Error> {
    let expires = kept.expire_time.as_ref().and_then(from_proto);
    let expires = expires.ok_or(Error::Unreadable("end of an upload"))?;
    if expires <= now {
        return Ok(kept);
    }
    let media = kept.media.as_ref().ok_or(Error::Unreadable("medium of an upload"))?;
    let (workspace_id, id) = ids(media)?;
    let size = u64::try_from(media.size_bytes).map_err(|_| Error::Unreadable("size"))?;
    let key = Key::of_medium(workspace_id, id);
    let put = rpc.storage.presign_put(&key, &media.content_type, size, expires).await?;
    let headers = put.headers.into_iter().collect();
    Ok(PresignUploadResponse { upload_url: put.url, headers, ..kept })
}

fn ids(media: &Media) -> Result<(WorkspaceId, MediaId), Error> {
    let workspace_id = media.workspace_id.parse().map_err(|_| Error::Unreadable("workspace_id"))?;
    let id = media.id.parse().map_err(|_| Error::Unreadable("media_id"))?;
    Ok((workspace_id, id))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn many_links_are_made_in_order_and_some_at_once() {
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let one = async |number| {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            now.fetch_sub(1, Ordering::SeqCst);
            Ok(number)
        };
        let work = (0..200).map(one).collect();
        assert_eq!(some_at_once(work).await.unwrap(), (0..200).collect::<Vec<_>>());
        assert_eq!(most.into_inner(), AT_ONCE);
    }
}
