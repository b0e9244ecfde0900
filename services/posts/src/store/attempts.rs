//! Table `publish_attempts`.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{AccountId, AttemptId, PostId, TargetId, WorkspaceId};
use uuid::Uuid;

use super::{Store, posts::Post};

/// A row of `publish_attempts`.
#[derive(Debug, Clone)]
pub struct AttemptRow {
    /// The attempt.
    pub id: AttemptId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The post.
    pub post_id: PostId,
    /// The target; it may have been replaced since.
    pub target_id: TargetId,
    /// The account it went to.
    pub account_id: AccountId,
    /// Number of the account's platform.
    pub platform: i16,
    /// Which attempt of its target, from 1.
    pub attempt_number: i32,
    /// `in_flight`, `published`, `failed` or `unknown`.
    pub status: String,
    /// When it was written down, before the network was called.
    pub start_time: DateTime<Utc>,
    /// When its outcome was.
    pub finish_time: Option<DateTime<Utc>>,
    /// The network's own id of what was published.
    pub external_post_id: String,
    /// Where it is on the network.
    pub external_url: String,
    /// The network's code of the error.
    pub error_code: String,
    /// The error, for people.
    pub error_message: String,
    /// Name of the error's class; empty: no error.
    pub error_class: String,
}

impl Store {
    /// A page of a post's attempts, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.publish_attempts.list", err(level = "debug"))]
    pub async fn list_attempts(
        &self,
        post: &Admitted<Post>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<AttemptRow>, sqlx::Error> {
        sqlx::query_as!(
            AttemptRow,
            r#"
            SELECT
                id AS "id: AttemptId",
                workspace_id AS "workspace_id: WorkspaceId",
                post_id AS "post_id: PostId",
                target_id AS "target_id: TargetId",
                account_id AS "account_id: AccountId",
                platform,
                attempt_number,
                status,
                start_time,
                finish_time,
                external_post_id,
                external_url,
                error_code,
                error_message,
                error_class
            FROM publish_attempts
            WHERE bucket = $1 AND post_id = $2 AND id < $3
            ORDER BY id DESC
            LIMIT $4
            "#,
            post.row.id.bucket().as_i16(),
            post.row.id as PostId,
            after.unwrap_or(Uuid::max()),
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}
