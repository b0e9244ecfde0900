//! Table `comment_sources`: the published targets whose comments are fetched, and when.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{AccountId, PostId, TargetId, WorkspaceId};
use sqlx::{PgConnection, PgPool};

use super::{
    Store,
    outgoing::{OutgoingPost, OutgoingTarget},
};
use crate::{
    comment::fetching::{REFRESHED_FOR, next_fetch, postponed},
    post::TargetStatus,
};

/// Targets of one account that are fetched before others have their turn.
const SOURCES: i64 = 20;
/// Rows that one statement deletes at the most.
const SWEPT_AT_ONCE: i64 = 1_000;
/// The most rows that one statement ends.
const DROPPED_AT_ONCE: i64 = 1_000;

/// A published target.
#[derive(Debug, Clone)]
pub struct Source {
    /// The target.
    pub target_id: TargetId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// Its post.
    pub post_id: PostId,
    /// The account it was published with.
    pub account_id: AccountId,
    /// Number of the account's platform.
    pub platform: i16,
    /// The network's own id of the post.
    pub external_post_id: String,
    /// When it was published.
    pub publish_time: DateTime<Utc>,
}

impl Source {
    /// The source that a target is once it is out.
    pub(super) fn of(post: &OutgoingPost, target: &OutgoingTarget) -> Option<Self> {
        let is_out =
            target.status == TargetStatus::Published && !target.external_post_id.is_empty();
        Some(Self {
            target_id: target.id,
            workspace_id: post.workspace_id,
            post_id: post.id,
            account_id: target.account_id,
            platform: target.platform,
            external_post_id: target.external_post_id.clone(),
            publish_time: target.publish_time.filter(|_| is_out)?,
        })
    }
}

/// Has the comments of targets fetched from now on. Done with their publication; doing it again changes nothing. Accounts
/// are locked by id.
#[tracing::instrument(skip_all, name = "db.comment_sources.enroll", err(level = "debug"))]
pub async fn enroll(connection: &mut PgConnection, sources: &[Source]) -> Result<(), sqlx::Error> {
    if sources.is_empty() {
        return Ok(());
    }
    let next = sources.iter().map(|source| next_fetch(source.publish_time, source.publish_time));
    sqlx::query!(
        r#"
        WITH source AS (
            INSERT INTO comment_sources (
                bucket, target_id, workspace_id, post_id, account_id, platform, external_post_id, publish_time, next_time
            )
            SELECT *
            FROM unnest(
                $1::SMALLINT[], $2::UUID[], $3::UUID[], $4::UUID[], $5::UUID[], $6::SMALLINT[], $7::TEXT[],
                $8::TIMESTAMPTZ[], $9::TIMESTAMPTZ[]
            )
            ON CONFLICT (bucket, target_id) DO NOTHING
            RETURNING bucket, workspace_id, account_id, next_time
        )
        INSERT INTO comment_feeds AS feed (bucket, account_id, workspace_id, due_time)
        SELECT bucket, account_id, workspace_id, min(next_time)
        FROM source
        GROUP BY bucket, account_id, workspace_id
        ORDER BY account_id
        ON CONFLICT (bucket, account_id) DO UPDATE
        SET due_time = LEAST(COALESCE(feed.due_time, excluded.due_time), excluded.due_time)
        "#,
        &sources.iter().map(|source| source.workspace_id.bucket().as_i16()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.target_id.uuid()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.workspace_id.uuid()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.post_id.uuid()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.account_id.uuid()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.platform).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.external_post_id.clone()).collect::<Vec<_>>(),
        &sources.iter().map(|source| source.publish_time).collect::<Vec<_>>(),
        &next.collect::<Vec<_>>() as &[Option<DateTime<Utc>>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Fetches nothing more of the targets of a workspace that is gone, a bounded number at a time.
#[tracing::instrument(skip_all, name = "db.comment_sources.drop", err(level = "debug"))]
pub(super) async fn drop_sources(
    pool: &PgPool,
    workspace_id: WorkspaceId,
) -> Result<(), sqlx::Error> {
    let mut after = TargetId::MIN;
    loop {
        // Each step begins behind the last: what it has passed is not read again.
        let dropped = sqlx::query_scalar!(
            r#"
            WITH next AS (
                SELECT bucket, target_id
                FROM comment_sources
                WHERE bucket = $1 AND workspace_id = $2 AND next_time IS NOT NULL AND target_id > $3
                ORDER BY target_id
                LIMIT $4
            )
            UPDATE comment_sources AS source
            SET next_time = NULL
            FROM next
            WHERE source.bucket = next.bucket AND source.target_id = next.target_id
            RETURNING source.target_id AS "target_id: TargetId"
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            after as TargetId,
            DROPPED_AT_ONCE,
        )
        .fetch_all(pool)
        .await?;
        match dropped.into_iter().max() {
            Some(last) => after = last,
            None => return Ok(()),
        }
    }
}

/// Has no account of a workspace that is gone fetched any more.
#[tracing::instrument(skip_all, name = "db.comment_feeds.drop", err(level = "debug"))]
pub(super) async fn drop_feeds(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "DELETE FROM comment_feeds WHERE bucket = $1 AND workspace_id = $2",
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// Targets of an account that are due.
    #[tracing::instrument(skip_all, name = "db.comment_sources.due", err(level = "debug"))]
    pub async fn due_sources(
        &self,
        account_id: AccountId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Source>, sqlx::Error> {
        sqlx::query_as!(
            Source,
            r#"
            SELECT
                target_id AS "target_id: TargetId",
                workspace_id AS "workspace_id: WorkspaceId",
                post_id AS "post_id: PostId",
                account_id AS "account_id: AccountId",
                platform,
                external_post_id,
                publish_time
            FROM comment_sources
            WHERE bucket = $1 AND account_id = $2 AND next_time <= $3
            ORDER BY next_time
            LIMIT $4
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            now,
            SOURCES,
        )
        .fetch_all(self.pool())
        .await
    }

    /// The targets of a workspace that were published last.
    #[tracing::instrument(skip_all, name = "db.comment_sources.newest", err(level = "debug"))]
    pub async fn newest_sources(
        &self,
        workspace: &Admitted<()>,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<Source>, sqlx::Error> {
        let workspace_id = workspace.workspace_id();
        sqlx::query_as!(
            Source,
            r#"
            SELECT
                target_id AS "target_id: TargetId",
                workspace_id AS "workspace_id: WorkspaceId",
                post_id AS "post_id: PostId",
                account_id AS "account_id: AccountId",
                platform,
                external_post_id,
                publish_time
            FROM comment_sources
            WHERE bucket = $1 AND workspace_id = $2 AND publish_time > $3
            ORDER BY publish_time DESC
            LIMIT $4
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            now - REFRESHED_FOR,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Says when the comments of a target are fetched next.
    #[tracing::instrument(skip_all, name = "db.comment_sources.set_next", err(level = "debug"))]
    pub async fn set_next_fetch(
        &self,
        source: &Source,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE comment_sources SET next_time = $3 WHERE bucket = $1 AND target_id = $2",
            source.target_id.bucket().as_i16(),
            source.target_id as TargetId,
            next_fetch(source.publish_time, now),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Has the comments of a target fetched much later: its network does not tell them now.
    #[tracing::instrument(skip_all, name = "db.comment_sources.postpone", err(level = "debug"))]
    pub async fn postpone_fetch(
        &self,
        source: &Source,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE comment_sources SET next_time = $3 WHERE bucket = $1 AND target_id = $2",
            source.target_id.bucket().as_i16(),
            source.target_id as TargetId,
            postponed(source.publish_time, now),
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes targets that can be refreshed no longer, in small steps that may be interrupted.
    #[tracing::instrument(skip_all, name = "db.comment_sources.sweep", err(level = "debug"))]
    pub async fn sweep_sources(&self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        loop {
            let done = sqlx::query!(
                r#"
                DELETE FROM comment_sources AS source
                USING (
                    SELECT bucket, target_id
                    FROM comment_sources
                    WHERE publish_time <= $1
                    ORDER BY publish_time
                    LIMIT $2
                ) AS old
                WHERE source.bucket = old.bucket AND source.target_id = old.target_id
                "#,
                now - REFRESHED_FOR,
                SWEPT_AT_ONCE,
            )
            .execute(self.pool())
            .await?;
            if done.rows_affected() == 0 {
                return Ok(());
            }
        }
    }
}
