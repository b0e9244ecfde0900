//! Lists of media.

use postbreeze_context::Admitted;
use postbreeze_ids::{FolderId, MediaId, UserId, WorkspaceId};
use uuid::Uuid;

use super::{MediaRow, select_media};
use crate::store::Store;

/// How many media one page looks at for those that a filter shows.
const LOOKED_AT: i64 = 10_000;

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

impl MediaFilter {
    /// Whether it shows only some of what is in its place.
    fn leaves_out(&self) -> bool {
        self.kind.is_some() || !self.filename_contains.is_empty()
    }
}

/// A page.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The media, newest first; one more than fit when there is another page.
    pub(crate) rows: Vec<MediaRow>,
    /// Where the looking ended when it ended early: what the filter shows may go on below it.
    pub(crate) looked_to: Option<Uuid>,
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
    ) -> Result<Listed, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        let bucket = workspace_id.bucket().as_i16();
        let below = after.unwrap_or(Uuid::max());
        let looked_to = if filter.leaves_out() {
            self.looked_to(workspace_id, filter.place, below).await?
        } else {
            None
        };
        let lowest = looked_to.unwrap_or(Uuid::nil());
        let rows = match filter.place {
            Place::Anywhere => {
                select_media!(
                    "
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.delete_time IS NULL
                        AND medium.status <> 'ingesting'
                        AND medium.id < $3
                        AND medium.id >= $7
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
                    lowest,
                )
                .fetch_all(self.pool())
                .await?
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
                        AND medium.id >= $7
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
                    lowest,
                )
                .fetch_all(self.pool())
                .await?
            }
            Place::Folder(folder_id) => {
                select_media!(
                    "
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.folder_id = $8
                        AND medium.delete_time IS NULL
                        AND medium.status <> 'ingesting'
                        AND medium.id < $3
                        AND medium.id >= $7
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
                    lowest,
                    folder_id as FolderId,
                )
                .fetch_all(self.pool())
                .await?
            }
        };
        Ok(Listed { rows, looked_to })
    }

    /// The last of the media that one page looks at below an id; none: they are no more than that.
    async fn looked_to(
        &self,
        workspace_id: WorkspaceId,
        place: Place,
        below: Uuid,
    ) -> Result<Option<Uuid>, sqlx::Error> {
        let bucket = workspace_id.bucket().as_i16();
        macro_rules! last_of {
            ($place:literal $(, $folder:expr)?) => {
                sqlx::query_scalar!(
                    r#"
                    SELECT medium.id
                    FROM media AS medium
                    WHERE medium.bucket = $1
                        AND medium.workspace_id = $2
                        AND medium.delete_time IS NULL
                        AND medium.id < $3
                    "# + $place + r#"
                    ORDER BY medium.id DESC
                    OFFSET $4
                    LIMIT 1
                    "#,
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    LOOKED_AT - 1,
                    $($folder)?
                )
                .fetch_optional(self.pool())
                .await
            };
        }
        match place {
            Place::Anywhere => last_of!(""),
            Place::Top => last_of!("AND medium.folder_id IS NULL"),
            Place::Folder(id) => last_of!("AND medium.folder_id = $5", id as FolderId),
        }
    }
}
