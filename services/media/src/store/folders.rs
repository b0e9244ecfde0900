//! Table `folders`: the row, finding, writing, and how folders lie in each other. Lists: [`list`].

pub(crate) mod list;

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim};
use postbreeze_ids::{FolderId, MediaId, WorkspaceId};
use sqlx::PgConnection;

use super::Store;
use crate::folder::LEVELS;

/// Rows that one transaction moves out of a folder at the most.
const BATCH: i64 = 1_000;

/// A row of `folders`.
#[derive(Debug, Clone)]
pub(crate) struct FolderRow {
    /// The folder.
    pub(crate) id: FolderId,
    /// Its workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// The folder it is in; none: the top level.
    pub(crate) parent_folder_id: Option<FolderId>,
    /// Its name.
    pub(crate) name: String,
    /// When it was created.
    pub(crate) create_time: DateTime<Utc>,
    /// When it last changed.
    pub(crate) update_time: DateTime<Utc>,
}

/// The columns are the same in each statement; sqlx checks literals only.
macro_rules! select_folder {
    ($rest:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::store::folders::FolderRow,
            r#"
            SELECT
                folder.id AS "id: FolderId",
                folder.workspace_id AS "workspace_id: WorkspaceId",
                folder.parent_folder_id AS "parent_folder_id: FolderId",
                folder.name,
                folder.create_time,
                folder.update_time
            "# + $rest,
            $($argument),+
        )
    };
}
pub(crate) use select_folder;

impl Store {
    /// A folder by its id.
    #[tracing::instrument(skip_all, name = "db.folders.find", err(level = "debug"))]
    pub(crate) async fn find_folder(
        &self,
        id: FolderId,
    ) -> Result<Option<Claim<FolderRow>>, sqlx::Error> {
        let row = select_folder!(
            "
            FROM folders AS folder
            WHERE folder.bucket = $1 AND folder.id = $2
            ",
            id.bucket().as_i16(),
            id as FolderId,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| Claim::new(row.workspace_id, row)))
    }
}

/// A folder of a workspace that is held, as this transaction sees it.
#[tracing::instrument(skip_all, name = "db.folders.get", err(level = "debug"))]
pub(crate) async fn folder_of<T>(
    connection: &mut PgConnection,
    workspace: &Admitted<T>,
    id: FolderId,
) -> Result<Option<FolderRow>, sqlx::Error> {
    select_folder!(
        "
        FROM folders AS folder
        WHERE folder.bucket = $1 AND folder.id = $2 AND folder.workspace_id = $3
        ",
        id.bucket().as_i16(),
        id as FolderId,
        workspace.workspace_id() as WorkspaceId,
    )
    .fetch_optional(connection)
    .await
}

/// A folder and those it lies in, of a workspace that is held; the folder first. Empty when it is gone.
#[tracing::instrument(skip_all, name = "db.folders.ancestry", err(level = "debug"))]
pub(crate) async fn ancestry<T>(
    connection: &mut PgConnection,
    workspace: &Admitted<T>,
    id: FolderId,
) -> Result<Vec<FolderId>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        WITH RECURSIVE ancestor AS (
            SELECT bucket, id, parent_folder_id, 1 AS level
            FROM folders
            WHERE bucket = $1 AND id = $2 AND workspace_id = $3
            UNION ALL
            SELECT folder.bucket, folder.id, folder.parent_folder_id, ancestor.level + 1
            FROM ancestor
            JOIN folders AS folder
                ON folder.bucket = ancestor.bucket AND folder.id = ancestor.parent_folder_id
            WHERE ancestor.level <= $4
        )
        SELECT id AS "id!: FolderId"
        FROM ancestor
        ORDER BY level
        "#,
        id.bucket().as_i16(),
        id as FolderId,
        workspace.workspace_id() as WorkspaceId,
        levels(),
    )
    .fetch_all(connection)
    .await
}

/// How many levels a folder and what lies in it take, in a workspace that is held.
#[tracing::instrument(skip_all, name = "db.folders.levels", err(level = "debug"))]
pub(crate) async fn levels_of(
    connection: &mut PgConnection,
    id: FolderId,
) -> Result<usize, sqlx::Error> {
    let deepest = sqlx::query_scalar!(
        r#"
        WITH RECURSIVE descendant AS (
            SELECT bucket, id, 1 AS level
            FROM folders
            WHERE bucket = $1 AND id = $2
            UNION ALL
            SELECT folder.bucket, folder.id, descendant.level + 1
            FROM descendant
            JOIN folders AS folder
                ON folder.bucket = descendant.bucket AND folder.parent_folder_id = descendant.id
            WHERE descendant.level <= $3
        )
        SELECT max(level) AS "level!"
        FROM descendant
        "#,
        id.bucket().as_i16(),
        id as FolderId,
        levels(),
    )
    .fetch_one(connection)
    .await?;
    Ok(usize::try_from(deepest).unwrap_or(usize::MAX))
}

fn levels() -> i32 {
    i32::try_from(LEVELS).unwrap_or(i32::MAX)
}

/// Writes a new folder of a workspace that is held.
#[tracing::instrument(skip_all, name = "db.folders.insert", err(level = "debug"))]
pub(crate) async fn insert_folder(
    connection: &mut PgConnection,
    _workspace: &Admitted<()>,
    row: &FolderRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO folders (bucket, id, workspace_id, parent_folder_id, name, create_time, update_time)
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        row.id.bucket().as_i16(),
        row.id as FolderId,
        row.workspace_id as WorkspaceId,
        row.parent_folder_id as Option<FolderId>,
        row.name,
        row.create_time,
        row.update_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what may change of a folder whose workspace is held.
#[tracing::instrument(skip_all, name = "db.folders.save", err(level = "debug"))]
pub(crate) async fn save_folder(
    connection: &mut PgConnection,
    row: &FolderRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE folders
        SET parent_folder_id = $3, name = $4, update_time = $5
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as FolderId,
        row.parent_folder_id as Option<FolderId>,
        row.name,
        row.update_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether anything that people see is in a folder whose workspace is held.
#[tracing::instrument(skip_all, name = "db.folders.holds_any", err(level = "debug"))]
pub(crate) async fn holds_any(
    connection: &mut PgConnection,
    id: FolderId,
) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar!(
        r#"
        SELECT
            EXISTS (
                SELECT 1
                FROM media
                WHERE bucket = $1 AND folder_id = $2 AND delete_time IS NULL AND status <> 'ingesting'
            )
            OR EXISTS (SELECT 1 FROM folders WHERE bucket = $1 AND parent_folder_id = $2) AS "any!"
        "#,
        id.bucket().as_i16(),
        id as FolderId,
    )
    .fetch_one(connection)
    .await
}

/// Moves some of what is in a folder to the top level; the workspace is held. Answers whether that was the last of it.
#[tracing::instrument(skip_all, name = "db.folders.empty", err(level = "debug"))]
pub(crate) async fn move_some_out(
    connection: &mut PgConnection,
    id: FolderId,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    let bucket = id.bucket().as_i16();
    let media = sqlx::query_scalar!(
        r#"
        WITH inside AS (
            SELECT bucket, id
            FROM media
            WHERE bucket = $1 AND folder_id = $2
            ORDER BY id
            LIMIT $3
            FOR NO KEY UPDATE
        )
        UPDATE media AS medium
        SET folder_id = NULL, update_time = $4
        FROM inside
        WHERE medium.bucket = inside.bucket AND medium.id = inside.id
        RETURNING medium.id AS "id: MediaId"
        "#,
        bucket,
        id as FolderId,
        BATCH,
        now,
    )
    .fetch_all(&mut *connection)
    .await?;
    let folders = sqlx::query_scalar!(
        r#"
        WITH inside AS (
            SELECT bucket, id
            FROM folders
            WHERE bucket = $1 AND parent_folder_id = $2
            ORDER BY id
            LIMIT $3
            FOR NO KEY UPDATE
        )
        UPDATE folders AS folder
        SET parent_folder_id = NULL, update_time = $4
        FROM inside
        WHERE folder.bucket = inside.bucket AND folder.id = inside.id
        RETURNING folder.id AS "id: FolderId"
        "#,
        bucket,
        id as FolderId,
        BATCH,
        now,
    )
    .fetch_all(connection)
    .await?;
    let most = media.len().max(folders.len());
    Ok(i64::try_from(most).is_ok_and(|most| most < BATCH))
}

/// Deletes a folder that nothing is in; the workspace is held.
#[tracing::instrument(skip_all, name = "db.folders.delete", err(level = "debug"))]
pub(crate) async fn delete_folder(
    connection: &mut PgConnection,
    id: FolderId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM folders WHERE bucket = $1 AND id = $2",
        id.bucket().as_i16(),
        id as FolderId,
    )
    .execute(connection)
    .await?;
    Ok(())
}
