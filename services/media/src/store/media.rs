//! Table `media`: the row, finding, writing, changing. What becomes of a medium: [`endings`]; lists: [`list`].

pub(crate) mod endings;
pub(crate) mod list;

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim};
use postbreeze_ids::{FolderId, MediaId, UserId, WorkspaceId};
use sqlx::PgConnection;

use super::Store;
use crate::{
    error::Error,
    medium::{MediaStatus, folded},
};

/// A row of `media`.
#[derive(Debug, Clone)]
pub(crate) struct MediaRow {
    /// The medium.
    pub(crate) id: MediaId,
    /// Its workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// The folder it is in; none: the top level.
    pub(crate) folder_id: Option<FolderId>,
    /// Its name for people.
    pub(crate) filename: String,
    /// Number of a `MediaKind`.
    pub(crate) kind: i16,
    /// Name of a `MediaStatus`.
    pub(crate) status: String,
    /// Announced, then by content.
    pub(crate) content_type: String,
    /// Announced, then counted; the same by then.
    pub(crate) size_bytes: i64,
    /// Its description.
    pub(crate) alt_text: String,
    /// Its width.
    pub(crate) width_px: Option<i32>,
    /// Its height.
    pub(crate) height_px: Option<i32>,
    /// How long it runs.
    pub(crate) duration_ms: Option<i64>,
    /// Whether there is a small picture of it.
    pub(crate) has_thumbnail: bool,
    /// When the URL of its upload stops working; none: there is no such URL.
    pub(crate) upload_expire_time: Option<DateTime<Utc>>,
    /// Names an unfinished ingestion to the object store.
    pub(crate) upload_id: Option<String>,
    /// Whose storage it counts in.
    pub(crate) charged_owner_user_id: UserId,
    /// How much of it.
    pub(crate) charged_bytes: i64,
    /// When it was registered.
    pub(crate) create_time: DateTime<Utc>,
    /// When it last changed.
    pub(crate) update_time: DateTime<Utc>,
    /// When it was deleted.
    pub(crate) delete_time: Option<DateTime<Utc>>,
    /// When it ends by itself.
    pub(crate) lapse_time: Option<DateTime<Utc>>,
    /// When its bytes are to be deleted.
    pub(crate) purge_time: Option<DateTime<Utc>>,
}

impl MediaRow {
    /// A new medium at the top level, of which nothing else is known and with which nobody is charged.
    pub(crate) fn new(
        id: MediaId,
        workspace_id: WorkspaceId,
        status: MediaStatus,
        filename: String,
        owner_user_id: UserId,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            id,
            workspace_id,
            folder_id: None,
            filename,
            kind: 0,
            status: status.as_str().to_owned(),
            content_type: String::new(),
            size_bytes: 0,
            alt_text: String::new(),
            width_px: None,
            height_px: None,
            duration_ms: None,
            has_thumbnail: false,
            upload_expire_time: None,
            upload_id: None,
            charged_owner_user_id: owner_user_id,
            charged_bytes: 0,
            create_time: now,
            update_time: now,
            delete_time: None,
            lapse_time: status.lapses(now, None, 0),
            purge_time: None,
        }
    }

    /// Where the medium stands.
    pub(crate) fn status(&self) -> Result<MediaStatus, Error> {
        MediaStatus::parse(&self.status).ok_or(Error::Unreadable("media status"))
    }
}

/// The columns are the same in each statement; sqlx checks literals only.
macro_rules! select_media {
    ($rest:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::store::media::MediaRow,
            r#"
            SELECT
                medium.id AS "id: MediaId",
                medium.workspace_id AS "workspace_id: WorkspaceId",
                medium.folder_id AS "folder_id: FolderId",
                medium.filename,
                medium.kind,
                medium.status,
                medium.content_type,
                medium.size_bytes,
                medium.alt_text,
                medium.width_px,
                medium.height_px,
                medium.duration_ms,
                medium.has_thumbnail,
                medium.upload_expire_time,
                medium.upload_id,
                medium.charged_owner_user_id AS "charged_owner_user_id: UserId",
                medium.charged_bytes,
                medium.create_time,
                medium.update_time,
                medium.delete_time,
                medium.lapse_time,
                medium.purge_time
            "# + $rest,
            $($argument),+
        )
    };
}
pub(crate) use select_media;

impl Store {
    /// A medium by its id, deleted ones included; one that is being ingested is nobody's yet.
    pub(crate) async fn find_medium(
        &self,
        id: MediaId,
    ) -> Result<Option<Claim<MediaRow>>, sqlx::Error> {
        let rows = self.find_media(&[id]).await?;
        Ok(rows.into_iter().next().map(|row| Claim::new(row.workspace_id, row)))
    }

    /// Media by their ids, deleted ones included, for a service that admits by itself.
    #[tracing::instrument(skip_all, name = "db.media.look_up", err(level = "debug"))]
    pub(crate) async fn find_media(&self, ids: &[MediaId]) -> Result<Vec<MediaRow>, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        let mut lease = self.statements.lease().await?;
        let found = select_media!(
            "
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN media AS medium ON medium.bucket = wanted.bucket AND medium.id = wanted.id
            WHERE medium.status <> 'ingesting'
            ",
            &buckets,
            ids as &[MediaId],
        )
        .fetch_all(lease.connection())
        .await;
        lease.end(found)
    }
}

/// Writes a new medium of a workspace that is held.
#[tracing::instrument(skip_all, name = "db.media.insert", err(level = "debug"))]
pub(crate) async fn insert_medium(
    connection: &mut PgConnection,
    _workspace: &Admitted<()>,
    row: &MediaRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO media (
            bucket, id, workspace_id, folder_id, filename, filename_folded, kind, status, content_type, size_bytes,
            alt_text, has_thumbnail, upload_expire_time, charged_owner_user_id, charged_bytes, create_time,
            update_time, lapse_time
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, FALSE, $12, $13, $14, $15, $16, $17)
        "#,
        row.id.bucket().as_i16(),
        row.id as MediaId,
        row.workspace_id as WorkspaceId,
        row.folder_id as Option<FolderId>,
        row.filename,
        folded(&row.filename),
        row.kind,
        row.status,
        row.content_type,
        row.size_bytes,
        row.alt_text,
        row.upload_expire_time,
        row.charged_owner_user_id as UserId,
        row.charged_bytes,
        row.create_time,
        row.update_time,
        row.lapse_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Locks a medium for this transaction and reads it as it is now; `None` when it is gone or deleted.
#[tracing::instrument(skip_all, name = "db.media.lock", err(level = "debug"))]
pub(crate) async fn lock_medium(
    connection: &mut PgConnection,
    id: MediaId,
) -> Result<Option<MediaRow>, sqlx::Error> {
    select_media!(
        "
        FROM media AS medium
        WHERE medium.bucket = $1 AND medium.id = $2 AND medium.delete_time IS NULL
        FOR NO KEY UPDATE
        ",
        id.bucket().as_i16(),
        id as MediaId,
    )
    .fetch_optional(connection)
    .await
}

/// Writes what may change of a locked medium.
#[tracing::instrument(skip_all, name = "db.media.save", err(level = "debug"))]
pub(crate) async fn save_medium(
    connection: &mut PgConnection,
    row: &MediaRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE media
        SET folder_id = $3,
            filename = $4,
            filename_folded = $5,
            kind = $6,
            status = $7,
            content_type = $8,
            size_bytes = $9,
            alt_text = $10,
            width_px = $11,
            height_px = $12,
            duration_ms = $13,
            has_thumbnail = $14,
            upload_id = $15,
            charged_bytes = $16,
            update_time = $17,
            delete_time = $18,
            lapse_time = $19,
            purge_time = $20
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as MediaId,
        row.folder_id as Option<FolderId>,
        row.filename,
        folded(&row.filename),
        row.kind,
        row.status,
        row.content_type,
        row.size_bytes,
        row.alt_text,
        row.width_px,
        row.height_px,
        row.duration_ms,
        row.has_thumbnail,
        row.upload_id,
        row.charged_bytes,
        row.update_time,
        row.delete_time,
        row.lapse_time,
        row.purge_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}
