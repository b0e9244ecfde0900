//! Table `publish_attempts`.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{AccountId, AttemptId, PostId, TargetId, WorkspaceId};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Store, outgoing::Failure, posts::Post};

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

/// An attempt that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt {
    /// The attempt.
    pub id: AttemptId,
    /// Its workspace.
    pub workspace_id: WorkspaceId,
    /// The post.
    pub post_id: PostId,
    /// The target.
    pub target_id: TargetId,
    /// The account it goes to.
    pub account_id: AccountId,
    /// Number of the account's platform.
    pub platform: i16,
    /// Which attempt of its target, from 1.
    pub attempt_number: i32,
}

/// Writes down attempts before the network is called: whoever has committed one may call once.
#[tracing::instrument(skip_all, name = "db.publish_attempts.begin", err(level = "debug"))]
pub async fn begin_attempts(
    connection: &mut PgConnection,
    attempts: &[NewAttempt],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    if attempts.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        r#"
        INSERT INTO publish_attempts (
            bucket, id, workspace_id, post_id, target_id, account_id, platform, attempt_number, status, start_time
        )
        SELECT
            new.bucket,
            new.id,
            new.workspace_id,
            new.post_id,
            new.target_id,
            new.account_id,
            new.platform,
            new.attempt_number,
            'in_flight',
            $9
        FROM unnest(
            $1::SMALLINT[], $2::UUID[], $3::UUID[], $4::UUID[], $5::UUID[], $6::UUID[], $7::SMALLINT[], $8::INTEGER[]
        ) AS new (bucket, id, workspace_id, post_id, target_id, account_id, platform, attempt_number)
        "#,
        &attempts.iter().map(|attempt| attempt.id.bucket().as_i16()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.workspace_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.post_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.target_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.account_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.platform).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.attempt_number).collect::<Vec<_>>(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The end of an attempt of which nothing left this system: there was none.
pub const WITHDRAWN: &str = "withdrawn";

/// What became of an attempt.
#[derive(Debug, Clone)]
pub struct EndedAttempt {
    /// The post.
    pub post_id: PostId,
    /// The target.
    pub target_id: TargetId,
    /// Which attempt of its target.
    pub attempt_number: i32,
    /// `published`, `failed`, `unknown` or [`WITHDRAWN`].
    pub status: &'static str,
    /// The network's own id of what was published.
    pub external_post_id: String,
    /// Where it is on the network.
    pub external_url: String,
    /// Why it failed.
    pub error: Failure,
}

/// Writes down what became of attempts of locked posts. What the network has stays so; what was withdrawn is deleted.
///
/// # Errors
/// When the database fails.
pub async fn end_attempts(
    connection: &mut PgConnection,
    attempts: &[EndedAttempt],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let (withdrawn, ended): (Vec<_>, Vec<_>) =
        attempts.iter().partition(|attempt| attempt.status == WITHDRAWN);
    if !withdrawn.is_empty() {
        delete_attempts(connection, &withdrawn).await?;
    }
    if !ended.is_empty() {
        save_ends(connection, &ended, now).await?;
    }
    Ok(())
}

#[tracing::instrument(skip_all, name = "db.publish_attempts.delete", err(level = "debug"))]
async fn delete_attempts(
    connection: &mut PgConnection,
    attempts: &[&EndedAttempt],
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        DELETE FROM publish_attempts AS attempt
        USING unnest($1::SMALLINT[], $2::UUID[], $3::UUID[], $4::INTEGER[])
            AS withdrawn (bucket, post_id, target_id, attempt_number)
        WHERE attempt.bucket = withdrawn.bucket
            AND attempt.post_id = withdrawn.post_id
            AND attempt.target_id = withdrawn.target_id
            AND attempt.attempt_number = withdrawn.attempt_number
            AND attempt.status IN ('in_flight', 'unknown')
        "#,
        &attempts.iter().map(|attempt| attempt.post_id.bucket().as_i16()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.post_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.target_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.attempt_number).collect::<Vec<_>>(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

#[tracing::instrument(skip_all, name = "db.publish_attempts.end", err(level = "debug"))]
async fn save_ends(
    connection: &mut PgConnection,
    attempts: &[&EndedAttempt],
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    let texts = |of: fn(&EndedAttempt) -> &str| -> Vec<String> {
        attempts.iter().copied().map(|attempt| of(attempt).to_owned()).collect()
    };
    sqlx::query!(
        r#"
        UPDATE publish_attempts AS attempt
        SET status = ended.status,
            finish_time = CASE WHEN ended.status <> 'unknown' THEN $11::TIMESTAMPTZ END,
            external_post_id = ended.external_post_id,
            external_url = ended.external_url,
            error_code = ended.error_code,
            error_message = ended.error_message,
            error_class = ended.error_class
        FROM unnest(
            $1::SMALLINT[], $2::UUID[], $3::UUID[], $4::INTEGER[], $5::TEXT[], $6::TEXT[], $7::TEXT[], $8::TEXT[],
            $9::TEXT[], $10::TEXT[]
        ) AS ended (
            bucket, post_id, target_id, attempt_number, status, external_post_id, external_url, error_code,
            error_message, error_class
        )
        WHERE attempt.bucket = ended.bucket
            AND attempt.post_id = ended.post_id
            AND attempt.target_id = ended.target_id
            AND attempt.attempt_number = ended.attempt_number
            AND attempt.status <> 'published'
        "#,
        &attempts.iter().map(|attempt| attempt.post_id.bucket().as_i16()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.post_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.target_id.uuid()).collect::<Vec<_>>(),
        &attempts.iter().map(|attempt| attempt.attempt_number).collect::<Vec<_>>(),
        &texts(|attempt| attempt.status),
        &texts(|attempt| &attempt.external_post_id),
        &texts(|attempt| &attempt.external_url),
        &texts(|attempt| &attempt.error.code),
        &texts(|attempt| &attempt.error.message),
        &texts(|attempt| attempt.error.class),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}
