//! What a deleted workspace leaves behind, and how far the log of deletions was read (`workspace_log_position`).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::{UserId, WorkspaceId};
use sqlx::PgConnection;

use super::{Store, usage::release, workspaces::bury};

/// Media that one transaction deals with at the most.
const BATCH: i64 = 200;

impl Store {
    /// The position of the last entry that was dealt with.
    #[tracing::instrument(skip_all, name = "db.workspace_log_position.find", err(level = "debug"))]
    pub(crate) async fn workspace_log_position(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM workspace_log_position")
            .fetch_one(self.pool())
            .await
    }

    /// Deals with a deletion: nothing is put into the workspace any more, its media are deleted and no longer count, and
    /// with the last of them the position moves on. Doing it again, or going on with it, changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub(crate) async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        position: i64,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        loop {
            let mut transaction = self.begin().await?;
            bury(&mut transaction, workspace_id, now).await?;
            let charges = discard_some(&mut transaction, workspace_id, now).await?;
            let last = i64::try_from(charges.len()).unwrap_or(BATCH) < BATCH;
            let mut released: BTreeMap<UserId, i64> = BTreeMap::new();
            for charge in charges {
                *released.entry(charge.owner_user_id).or_default() += charge.bytes;
            }
            for (owner_user_id, bytes) in released {
                release(&mut transaction, owner_user_id, bytes).await?;
            }
            if last {
                move_on(&mut transaction, position).await?;
            }
            transaction.commit().await?;
            if last {
                return Ok(());
            }
        }
    }

    /// Moves the position on over an entry that is nothing to this version.
    pub(crate) async fn skip_entry(&self, position: i64) -> Result<(), sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        move_on(&mut connection, position).await
    }
}

/// What a medium was charged with.
struct Charge {
    owner_user_id: UserId,
    bytes: i64,
}

/// Deletes some of a workspace's media, locked in the order of their ids, and answers what they were charged with.
#[tracing::instrument(skip_all, name = "db.media.discard_some", err(level = "debug"))]
async fn discard_some(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    now: DateTime<Utc>,
) -> Result<Vec<Charge>, sqlx::Error> {
    sqlx::query_as!(
        Charge,
        r#"
        WITH locked AS (
            SELECT bucket, id, charged_owner_user_id, charged_bytes
            FROM media
            WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NULL
            ORDER BY id
            LIMIT $3
            FOR NO KEY UPDATE
        )
        UPDATE media AS medium
        SET folder_id = NULL,
            charged_bytes = 0,
            delete_time = $4,
            lapse_time = NULL,
            purge_time = $4
        FROM locked
        WHERE medium.bucket = locked.bucket AND medium.id = locked.id
        RETURNING
            locked.charged_owner_user_id AS "owner_user_id: UserId",
            locked.charged_bytes AS "bytes"
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        BATCH,
        now,
    )
    .fetch_all(connection)
    .await
}

#[tracing::instrument(skip_all, name = "db.workspace_log_position.move", err(level = "debug"))]
async fn move_on(connection: &mut PgConnection, position: i64) -> Result<(), sqlx::Error> {
    sqlx::query!("UPDATE workspace_log_position SET position = GREATEST(position, $1)", position,)
        .execute(connection)
        .await?;
    Ok(())
}
