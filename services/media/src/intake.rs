//! Stored bytes become a medium: what they are is decided by their content, and images get a small picture.

use std::time::Duration;

use bytes::Bytes;
use postbreeze_proto::{status::Reason, v1::MediaKind};
use tokio::{
    sync::Semaphore,
    task::spawn_blocking,
    time::{Instant, timeout_at},
};

use crate::{
    content::{self, ContentType, Inspected, Refused, THUMBNAIL_SOURCE_BYTES, THUMBNAIL_TYPE},
    error::Error,
    storage::{Key, Storage},
    store::media::{MediaRow, endings::Found},
};

/// One at a time: a picture that is taken apart needs a multiple of its bytes.
static PICTURES: Semaphore = Semaphore::const_new(1);

/// Why stored bytes are no medium.
#[derive(Debug)]
pub(crate) struct Unfit {
    reason: Reason,
    problem: String,
}

impl Unfit {
    /// The refusal, on the field of a request.
    pub(crate) fn on(self, field: &str) -> Error {
        Error::field(field, self.reason, self.problem)
    }

    /// Bytes that are not as many as were announced.
    pub(crate) fn of_size(found: u64, announced: i64) -> Self {
        let problem = format!("has {found} bytes where {announced} were announced");
        Self { reason: Reason::FieldInvalid, problem }
    }

    /// Bytes of no type that a library takes.
    pub(crate) fn of_type() -> Self {
        let problem = Refused::Unsupported.to_string();
        Self { reason: Reason::MediaTypeUnsupported, problem }
    }
}

/// Finds out what the bytes of a medium are. The small picture is made until `by`; having none is no fault.
pub(crate) async fn examine(
    storage: &Storage,
    row: &MediaRow,
    size_bytes: u64,
    by: Instant,
) -> Result<Result<Found, Unfit>, Error> {
    let key = Key::of_medium(row.workspace_id, row.id);
    let inspected = match content::inspect(storage, &key, size_bytes).await {
        Ok(inspected) => inspected,
        Err(Refused::Storage(cause)) => return Err(cause.into()),
        Err(Refused::Unsupported) => return Ok(Err(Unfit::of_type())),
        Err(refused @ (Refused::TooManyPixels { .. } | Refused::Broken)) => {
            let problem = refused.to_string();
            return Ok(Err(Unfit { reason: Reason::FieldInvalid, problem }));
        }
    };
    let is_picture = inspected.content_type.kind() == MediaKind::Image;
    let has_thumbnail = is_picture
        && size_bytes <= THUMBNAIL_SOURCE_BYTES
        && timeout_at(by, add_picture(storage, row, &key, inspected.content_type))
            .await
            .unwrap_or(false);
    Ok(Ok(found(inspected, size_bytes, has_thumbnail)))
}

fn found(inspected: Inspected, size_bytes: u64, has_thumbnail: bool) -> Found {
    let pixels = |pixels: Option<u32>| pixels.and_then(|pixels| i32::try_from(pixels).ok());
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).ok();
    Found {
        kind: kind_number(inspected.content_type),
        content_type: inspected.content_type.as_str(),
        size_bytes: i64::try_from(size_bytes).unwrap_or(i64::MAX),
        width_px: pixels(inspected.width_px),
        height_px: pixels(inspected.height_px),
        duration_ms: inspected.duration.and_then(millis),
        has_thumbnail,
    }
}

/// Number of the kind of a type, as a database keeps it.
pub(crate) fn kind_number(content_type: ContentType) -> i16 {
    i16::try_from(i32::from(content_type.kind())).unwrap_or(0)
}

/// Makes and keeps a small picture. Answers whether there is one now.
async fn add_picture(storage: &Storage, row: &MediaRow, key: &Key, kind: ContentType) -> bool {
    let Ok(turn) = PICTURES.acquire().await else { return false };
    let Ok(bytes) = storage.read(key, THUMBNAIL_SOURCE_BYTES).await else { return false };
    let making = spawn_blocking(move || {
        // Whoever waits for it may give up; the turn ends when the work does.
        let _turn = turn;
        content::thumbnail(&bytes, kind)
    });
    let Ok(Some(picture)) = making.await else { return false };
    let key = Key::of_thumbnail(row.workspace_id, row.id);
    let kept = storage.put(&key, THUMBNAIL_TYPE.as_str(), Bytes::from(picture)).await;
    if let Err(error) = &kept {
        tracing::warn!(error = error as &dyn std::error::Error, "a thumbnail cannot be kept");
    }
    kept.is_ok()
}
