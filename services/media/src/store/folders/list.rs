//! Lists of folders.

use postbreeze_context::Admitted;
use postbreeze_ids::{FolderId, WorkspaceId};
use uuid::Uuid;

use super::{FolderRow, select_folder};
use crate::store::{Store, media::list::Place};

impl Store {
    /// A page of a workspace's folders, newest first, below an id. Each place has a statement and an index of its own.
    #[tracing::instrument(skip_all, name = "db.folders.list", err(level = "debug"))]
    pub(crate) async fn list_folders(
        &self,
        workspace: &Admitted<()>,
        place: Place,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<FolderRow>, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        let bucket = workspace_id.bucket().as_i16();
        let below = after.unwrap_or(Uuid::max());
        match place {
            Place::Anywhere => {
                select_folder!(
                    "
                    FROM folders AS folder
                    WHERE folder.bucket = $1 AND folder.workspace_id = $2 AND folder.id < $3
                    ORDER BY folder.id DESC
                    LIMIT $4
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    limit,
                )
                .fetch_all(self.pool())
                .await
            }
            Place::Top => {
                select_folder!(
                    "
                    FROM folders AS folder
                    WHERE folder.bucket = $1
                        AND folder.workspace_id = $2
                        AND folder.parent_folder_id IS NULL
                        AND folder.id < $3
                    ORDER BY folder.id DESC
                    LIMIT $4
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    limit,
                )
                .fetch_all(self.pool())
                .await
            }
            Place::Folder(parent_id) => {
                select_folder!(
                    "
                    FROM folders AS folder
                    WHERE folder.bucket = $1
                        AND folder.workspace_id = $2
                        AND folder.parent_folder_id = $5
                        AND folder.id < $3
                    ORDER BY folder.id DESC
                    LIMIT $4
                    ",
                    bucket,
                    workspace_id as WorkspaceId,
                    below,
                    limit,
                    parent_id as FolderId,
                )
                .fetch_all(self.pool())
                .await
            }
        }
    }
}
