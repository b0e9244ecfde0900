//! What becomes of a locked medium. Each step changes the row and the storage it counts in together: at any time an owner's
//! storage is the sum of what the owner's media are charged with.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{MediaRow, save_medium};
use crate::{
    medium::MediaStatus,
    store::usage::{Charged, charge, release},
};

/// What a medium was found to be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Found {
    /// Number of its `MediaKind`.
    pub(crate) kind: i16,
    /// Its media type.
    pub(crate) content_type: &'static str,
    /// How many bytes it has.
    pub(crate) size_bytes: i64,
    /// Its width.
    pub(crate) width_px: Option<i32>,
    /// Its height.
    pub(crate) height_px: Option<i32>,
    /// How long it runs.
    pub(crate) duration_ms: Option<i64>,
    /// Whether there is a small picture of it.
    pub(crate) has_thumbnail: bool,
}

/// Makes a medium READY as what it was found to be. What it is not charged with yet is charged now, up to the limit of the
/// owner it is charged to.
pub(crate) async fn accept(
    connection: &mut PgConnection,
    row: &mut MediaRow,
    found: Found,
    limit: Option<i64>,
    now: DateTime<Utc>,
) -> Result<Charged, sqlx::Error> {
    let missing = found.size_bytes - row.charged_bytes;
    enter(row, MediaStatus::Ready, now);
    row.kind = found.kind;
    found.content_type.clone_into(&mut row.content_type);
    row.size_bytes = found.size_bytes;
    row.width_px = found.width_px;
    row.height_px = found.height_px;
    row.duration_ms = found.duration_ms;
    row.has_thumbnail = found.has_thumbnail;
    row.upload_id = None;
    row.charged_bytes = found.size_bytes;
    save_medium(connection, row).await?;
    if missing == 0 {
        return Ok(Charged::Yes);
    }
    charge(connection, row.charged_owner_user_id, missing, limit).await
}

/// Makes a medium REJECTED: its bytes go, and no longer count.
pub(crate) async fn reject(
    connection: &mut PgConnection,
    row: &mut MediaRow,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    enter(row, MediaStatus::Rejected, now);
    row.purge_time = Some(now);
    give_back(connection, row).await
}

/// Deletes a medium: from here on it is nobody's, its bytes go and no longer count.
pub(crate) async fn discard(
    connection: &mut PgConnection,
    row: &mut MediaRow,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    row.delete_time = Some(now);
    row.folder_id = None;
    row.lapse_time = None;
    row.purge_time = Some(now);
    give_back(connection, row).await
}

fn enter(row: &mut MediaRow, status: MediaStatus, now: DateTime<Utc>) {
    status.as_str().clone_into(&mut row.status);
    row.lapse_time = status.lapses(now, row.upload_expire_time, row.size_bytes);
    row.update_time = now;
}

async fn give_back(connection: &mut PgConnection, row: &mut MediaRow) -> Result<(), sqlx::Error> {
    let bytes = std::mem::take(&mut row.charged_bytes);
    save_medium(connection, row).await?;
    release(connection, row.charged_owner_user_id, bytes).await
}
