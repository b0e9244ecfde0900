//! Lists of media.

use postbreeze_context::Admitted;
use postbreeze_ids::{FolderId, MediaId, UserId, WorkspaceId};
use uuid::Uuid;

use super::{MediaRow, select_media};
use crate::store::Store;

/// Where a list looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Everywhere.
    Anywhere,
    /// At the top level.
    Top,
    /// In this folder.
    Folder(FolderId),
}

/// What a list shows.
#[derive(Debug, Clone)]
pub(crate) struct MediaFilter {
    /// Where from.
    pub(crate) place: Place,
    /// Number of a `MediaKind`; none: any.
    pub(crate) kind: Option<i16>,
    /// What the filename contains, folded; empty: anything.
    pub(crate) filename_contains: String,
}

impl Store {
    /// A page of a workspace's media, newest first, below an id. Each place has a statement and an index of its own: a page
    /// of a small folder must not read a large library.
    #[tracing::instrument(skip_all, name = "db.media.list", err(level = "debug"))]
    pub(crate) async fn list_media(
        &self,
        workspace: &Admitted<()>,
        filter: &MediaFilter,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<MediaRow>, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        let bucket = workspace_id.bucket().as_i16();
        let below = after.unwrap_or(Uuid::max());
        match filter.place {
            Place::Anywhere => {
                select_media!(
                    "
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.delete_time IS NULL
                        AND medium.status <> 'ingesting'
                        AND medium.id < $3
                        AND ($4::SMALLINT IS NULL OR medium.kind = $4)
                        AND ($5 = '' OR strpos(medium.filename_folded, $5) > 0)
                    ORDER BY medium.id DESC
                    LIMIT $6
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    filter.kind,
                    filter.filename_contains,
                    limit,
                )
                .fetch_all(self.pool())
                .await
            }
            Place::Top => {
                select_media!(
                    "
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.folder_id IS NULL
                        AND medium.delete_time IS NULL
                        AND medium.status <> 'ingesting'
                        AND medium.id < $3
                        AND ($4::SMALLINT IS NULL OR medium.kind = $4)
                        AND ($5 = '' OR strpos(medium.filename_folded, $5) > 0)
                    ORDER BY medium.id DESC
                    LIMIT $6
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    filter.kind,
                    filter.filename_contains,
                    limit,
                )
                .fetch_all(self.pool())
                .await
            }
            Place::Folder(folder_id) => {
                select_media!(
                    "
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.folder_id = $7
                        AND medium.delete_time IS NULL
                        AND medium.status <> 'ingesting'
                        AND medium.id < $3
                        AND ($4::SMALLINT IS NULL OR medium.kind = $4)
                        AND ($5 = '' OR strpos(medium.filename_folded, $5) > 0)
                    ORDER BY medium.id DESC
                    LIMIT $6
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    filter.kind,
                    filter.filename_contains,
                    limit,
                    folder_id as FolderId,
                )
                .fetch_all(self.pool())
                .await
            }
        }
    }
}
