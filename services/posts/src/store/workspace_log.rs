//! What a deleted workspace leaves behind, and up to where every deletion was dealt with.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use postbreeze_context::workspace_log::Pass;
use postbreeze_ids::{PostId, TargetId, UserId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Store,
    comment_sources::{drop_feeds, drop_sources},
    comments::replies::drop_replies,
    media_notices::drop_notices,
    targets::{Standing, save_standings},
    usage::{Charge, release},
    webhooks::delete_webhooks,
};
use crate::{
    error::Error,
    post::{PostStatus, State, TargetStatus, due_after, holds_unit},
};

/// Posts that one transaction deals with at the most.
const BATCH: usize = 500;

/// A locked post that could still go out.
struct OpenPost {
    id: PostId,
    charge: Option<Charge>,
    targets: Vec<TargetId>,
    state: State,
}

impl Store {
    /// The position up to which every entry was dealt with: what was set aside lies beyond it.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.workspace_log_position.find", err(level = "debug"))]
    pub async fn workspace_log_position(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT LEAST(
                position,
                (SELECT min(failed.position) - 1 FROM failed_log_entries AS failed WHERE failed.log = 'workspaces')
            ) AS "position!"
            FROM workspace_log_position
            "#
        )
        .fetch_one(self.pool())
        .await
    }

    /// Deals with a deletion: nothing new is scheduled from now on, what had not gone out is canceled, its units are
    /// given back, `media` is told nothing more of it, no comments of it are fetched or answered, its webhooks are deleted,
    /// and with the last of it the entry is marked as handled. Doing it again, or going on with it, changes nothing.
    ///
    /// # Errors
    /// When the database fails or holds what this version does not know.
    #[tracing::instrument(skip_all, name = "db.workspace_log.release", err(level = "debug"))]
    pub async fn release_workspace(
        &self,
        workspace_id: WorkspaceId,
        pass: Pass,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        self.bury_workspace(workspace_id, now).await?;
        let mut after = PostId::MIN;
        loop {
            let mut transaction = self.begin().await?;
            let posts = lock_open(&mut transaction, workspace_id, after).await?;
            cancel(&mut transaction, workspace_id, &posts, now).await?;
            transaction.commit().await?;
            match posts.last() {
                Some(last) if posts.len() == BATCH => after = last.id,
                _ => break,
            }
        }
        drop_sources(self.pool(), workspace_id).await?;
        let mut transaction = self.begin().await?;
        drop_replies(&mut transaction, workspace_id).await?;
        drop_feeds(&mut transaction, workspace_id).await?;
        delete_webhooks(&mut transaction, workspace_id, now).await?;
        pass.mark(&mut transaction).await?;
        Ok(transaction.commit().await?)
    }
}

/// Locks the next posts by id. Their targets are read once the locks are held, and so belong to what is locked.
async fn lock_open(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    after: PostId,
) -> Result<Vec<OpenPost>, Error> {
    let bucket = workspace_id.bucket().as_i16();
    let rows = sqlx::query!(
        r#"
        SELECT
            id AS "id: PostId",
            status,
            charged_owner_user_id AS "owner_user_id: UserId",
            charged_month AS "month"
        FROM posts
        WHERE bucket = $1
            AND workspace_id = $2
            AND id > $3
            AND delete_time IS NULL
            AND status IN ('needs_approval', 'scheduled', 'publishing', 'partially_published')
        ORDER BY id
        LIMIT $4
        FOR UPDATE
        "#,
        bucket,
        workspace_id as WorkspaceId,
        after as PostId,
        i64::try_from(BATCH).unwrap_or(i64::MAX),
    )
    .fetch_all(&mut *connection)
    .await?;
    let ids: Vec<PostId> = rows.iter().map(|row| row.id).collect();
    let targets = sqlx::query!(
        r#"
        SELECT id AS "id: TargetId", post_id AS "post_id: PostId", status
        FROM post_targets
        WHERE bucket = $1 AND post_id = ANY($2)
        ORDER BY post_id, position
        "#,
        bucket,
        &ids as &[PostId],
    )
    .fetch_all(connection)
    .await?;
    let mut targets = targets.into_iter().peekable();
    let mut posts = Vec::with_capacity(rows.len());
    for row in rows {
        let mut own = Vec::new();
        let mut statuses = Vec::new();
        while let Some(target) = targets.next_if(|target| target.post_id == row.id) {
            own.push(target.id);
            let status = TargetStatus::parse(&target.status);
            statuses.push(status.ok_or(Error::Unreadable("target status"))?);
        }
        let status = PostStatus::parse(&row.status).ok_or(Error::Unreadable("post status"))?;
        let charge = row.owner_user_id.zip(row.month);
        posts.push(OpenPost {
            id: row.id,
            charge: charge.map(|(owner_user_id, month)| Charge { owner_user_id, month }),
            targets: own,
            state: State { status, targets: statuses },
        });
    }
    Ok(posts)
}

/// Stops what is locked. A post of which something is out or in flight keeps its unit.
async fn cancel(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    posts: &[OpenPost],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (mut ids, mut statuses) = (Vec::new(), Vec::new());
    let mut standings = Vec::new();
    let mut released: BTreeMap<Charge, i64> = BTreeMap::new();
    for post in posts {
        let stopped = post.state.clone().stopped();
        if stopped == post.state {
            continue;
        }
        if !holds_unit(stopped.status)
            && let Some(charge) = post.charge
        {
            *released.entry(charge).or_default() += 1;
        }
        ids.push(post.id.uuid());
        statuses.push(stopped.status);
        let due = due_after(None, &post.state, &stopped);
        let targets = post.targets.iter().zip(stopped.targets).zip(due);
        standings.extend(targets.map(|((id, status), due)| Standing { id: *id, status, due }));
    }
    save_stopped(connection, workspace_id, &ids, &statuses, now).await?;
    let bucket = workspace_id.bucket().as_i16();
    save_standings(connection, bucket, &standings, None, false, now).await?;
    for (charge, units) in released {
        release(connection, charge, units).await?;
    }
    let all: Vec<PostId> = posts.iter().map(|post| post.id).collect();
    drop_notices(connection, bucket, &all).await
}

async fn save_stopped(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
    ids: &[Uuid],
    statuses: &[PostStatus],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let names: Vec<String> = statuses.iter().map(ToString::to_string).collect();
    let holding: Vec<bool> = statuses.iter().map(|status| holds_unit(*status)).collect();
    sqlx::query!(
        r#"
        UPDATE posts AS post
        SET status = new.status,
            version = post.version + 1,
            charged_owner_user_id = CASE WHEN new.holding THEN post.charged_owner_user_id END,
            charged_month = CASE WHEN new.holding THEN post.charged_month END,
            update_time = $5
        FROM unnest($2::UUID[], $3::TEXT[], $4::BOOLEAN[]) AS new (id, status, holding)
        WHERE post.bucket = $1 AND post.id = new.id
        "#,
        workspace_id.bucket().as_i16(),
        ids,
        &names,
        &holding,
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use postbreeze_runtime::postgres::Database;
    use postbreeze_testkit::postgres::database;

    use super::*;
    use crate::MIGRATOR;

    /// A publisher that starts reads the log from there: it must see what was set aside.
    #[tokio::test]
    async fn the_position_stays_before_what_was_set_aside() {
        let test = database("posts", &MIGRATOR).await;
        let store = Store::new(&Database::new(test.config(2), &MIGRATOR).unwrap());
        let moved = "UPDATE workspace_log_position SET position = 9";
        sqlx::query(moved).execute(store.pool()).await.unwrap();
        assert_eq!(store.workspace_log_position().await.unwrap(), 9);
        for (log, position) in [("accounts", 2_i64), ("workspaces", 7), ("workspaces", 5)] {
            sqlx::query(
                "INSERT INTO failed_log_entries VALUES ($1, $2, 'wsp_', '', 1, '', $3, $3)",
            )
            .bind(log)
            .bind(position)
            .bind(DateTime::UNIX_EPOCH)
            .execute(store.pool())
            .await
            .unwrap();
        }
        assert_eq!(store.workspace_log_position().await.unwrap(), 4);
    }
}
