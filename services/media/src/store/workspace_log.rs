//! What a deleted workspace leaves behind.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use postbreeze_context::workspace_log::Pass;
use postbreeze_ids::{MediaId, UserId, WorkspaceId};
use sqlx::PgConnection;

use super::{Store, usage::release, workspaces::bury};

/// Media that one transaction deals with at the most.
const BATCH: i64 = 200;

impl Store {
    /// Deals with a deletion: nothing is put into the workspace any more, its media are deleted and no longer count, and
    /// with the last of them the entry is marked as handled. Doing it again, or going on with it, changes nothing.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub(crate) async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        pass: Pass,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut after = MediaId::MIN;
        loop {
            let mut transaction = self.begin().await?;
            bury(&mut transaction, workspace_id, now).await?;
            let charges = discard_some(&mut transaction, workspace_id, after, now).await?;
            let is_last = i64::try_from(charges.len()).unwrap_or(BATCH) < BATCH;
            after = charges.iter().map(|charge| charge.id).max().unwrap_or(after);
            let mut released: BTreeMap<UserId, i64> = BTreeMap::new();
            for charge in charges {
                *released.entry(charge.owner_user_id).or_default() += charge.bytes;
            }
            for (owner_user_id, bytes) in released {
                release(&mut transaction, owner_user_id, bytes).await?;
            }
            if is_last {
                pass.mark(&mut transaction).await?;
            }
            transaction.commit().await?;
            if is_last {
                return Ok(());
            }
        }
    }
}

/// What a medium was charged with.
struct Charge {
    id: MediaId,
    owner_user_id: UserId,
    bytes: i64,
}

/// Deletes the next of a workspace's media, locked in the order of their ids, and answers what they were charged with.
/// Those before `after` are passed: they are deleted already, and would be read again at each step.
#[tracing::instrument(skip_all, name = "db.media.discard_some", err(level = "debug"))]
async fn discard_some(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    after: MediaId,
    now: DateTime<Utc>,
) -> Result<Vec<Charge>, sqlx::Error> {
    sqlx::query_as!(
        Charge,
        r#"
        WITH locked AS (
            SELECT bucket, id, charged_owner_user_id, charged_bytes
            FROM media
            WHERE bucket = $1 AND workspace_id = $2 AND delete_time IS NULL AND id > $5
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
            medium.id AS "id: MediaId",
            locked.charged_owner_user_id AS "owner_user_id: UserId",
            locked.charged_bytes AS "bytes"
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        BATCH,
        now,
        after as MediaId,
    )
    .fetch_all(connection)
    .await
}
