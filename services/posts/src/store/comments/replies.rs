//! Replies: whoever may act on one has grown its version, and an outcome is written for that version alone.

use chrono::{DateTime, TimeDelta, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{AccountId, CommentId, UserId, WorkspaceId};
use sqlx::PgConnection;

use super::CommentRow;
use crate::{
    comment::reply::{Next, ReplyStatus},
    store::Store,
};

/// How long sending or looking may take: whoever has not told by then what came of it has died.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// A reply that was taken, to be sent or looked for.
#[derive(Debug, Clone)]
pub struct TakenReply {
    /// The comment that is answered.
    pub comment_id: CommentId,
    /// The account that answers.
    pub account_id: AccountId,
    /// The network's own id of the post.
    pub external_post_id: String,
    /// The network's own id of the comment.
    pub external_comment_id: String,
    /// The text.
    pub body: String,
    /// When it was first tried.
    pub first_try_time: DateTime<Utc>,
    /// The right to act.
    pub version: i64,
    /// How often it was sent, this time included.
    pub tries: i32,
    /// How often it was looked for since.
    pub looks: i32,
}

/// A reply that is to be written down.
pub struct NewReply<'a> {
    /// The text.
    pub body: &'a str,
    /// Who writes it.
    pub author_user_id: UserId,
    /// The client's.
    pub request_id: &'a str,
}

/// Writes down that an admitted comment is being answered: from then on, the reply may be sent once. `None` when there is a
/// reply that has not failed.
#[tracing::instrument(skip_all, name = "db.comments.begin_reply", err(level = "debug"))]
pub async fn begin_reply(
    connection: &mut PgConnection,
    comment: &Admitted<CommentRow>,
    reply: &NewReply<'_>,
    now: DateTime<Utc>,
) -> Result<Option<TakenReply>, sqlx::Error> {
    sqlx::query_as!(
        TakenReply,
        r#"
        UPDATE comments
        SET reply_status = 'sending',
            reply_body = $3,
            reply_time = $4,
            reply_author_user_id = $5,
            reply_external_id = NULL,
            reply_error = '',
            reply_request_id = $6,
            reply_version = reply_version + 1,
            reply_due_time = $7,
            reply_looks = 0,
            reply_tries = 1
        WHERE bucket = $1 AND id = $2 AND (reply_status IS NULL OR reply_status = 'failed')
        RETURNING
            id AS "comment_id: CommentId",
            account_id AS "account_id: AccountId",
            external_post_id,
            external_id AS external_comment_id,
            reply_body AS "body!",
            reply_time AS "first_try_time!",
            reply_version AS version,
            reply_tries AS tries,
            reply_looks AS looks
        "#,
        comment.id.bucket().as_i16(),
        comment.id as CommentId,
        reply.body,
        now,
        reply.author_user_id as UserId,
        reply.request_id,
        now + LEASE,
    )
    .fetch_optional(connection)
    .await
}

impl Store {
    /// Replies that are to be looked for, the longest waiting first.
    #[tracing::instrument(skip_all, name = "db.comments.due_replies", err(level = "debug"))]
    pub async fn due_replies(
        &self,
        now: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<CommentId>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT id AS "id: CommentId"
            FROM comments
            WHERE reply_due_time <= $1
            ORDER BY reply_due_time
            LIMIT $2
            "#,
            now,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Takes a reply that is to be looked for; `None` when another was first.
    #[tracing::instrument(skip_all, name = "db.comments.take_reply", err(level = "debug"))]
    pub async fn take_reply(
        &self,
        id: CommentId,
        now: DateTime<Utc>,
    ) -> Result<Option<TakenReply>, sqlx::Error> {
        sqlx::query_as!(
            TakenReply,
            r#"
            UPDATE comments
            SET reply_version = reply_version + 1, reply_due_time = $4
            WHERE bucket = $1 AND id = $2 AND reply_status = 'sending' AND reply_due_time <= $3
            RETURNING
                id AS "comment_id: CommentId",
                account_id AS "account_id: AccountId",
                external_post_id,
                external_id AS external_comment_id,
                reply_body AS "body!",
                reply_time AS "first_try_time!",
                reply_version AS version,
                reply_tries AS tries,
                reply_looks AS looks
            "#,
            id.bucket().as_i16(),
            id as CommentId,
            now,
            now + LEASE,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Takes a reply that was looked for and is not there, to be sent once more; `None` when another has taken it.
    #[tracing::instrument(skip_all, name = "db.comments.take_reply_again", err(level = "debug"))]
    pub async fn take_reply_again(
        &self,
        taken: &TakenReply,
        now: DateTime<Utc>,
    ) -> Result<Option<TakenReply>, sqlx::Error> {
        sqlx::query_as!(
            TakenReply,
            r#"
            UPDATE comments
            SET reply_version = reply_version + 1,
                reply_due_time = $5,
                reply_tries = reply_tries + 1,
                reply_looks = 0
            WHERE bucket = $1 AND id = $2 AND reply_status = $4 AND reply_version = $3
            RETURNING
                id AS "comment_id: CommentId",
                account_id AS "account_id: AccountId",
                external_post_id,
                external_id AS external_comment_id,
                reply_body AS "body!",
                reply_time AS "first_try_time!",
                reply_version AS version,
                reply_tries AS tries,
                reply_looks AS looks
            "#,
            taken.comment_id.bucket().as_i16(),
            taken.comment_id as CommentId,
            taken.version,
            ReplyStatus::Sending.as_str(),
            now + LEASE,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Writes what came of a reply that was taken, unless another has taken it meanwhile. What was sent is read.
    #[tracing::instrument(skip_all, name = "db.comments.settle_reply", err(level = "debug"))]
    pub async fn settle_reply(
        &self,
        taken: &TakenReply,
        next: &Next,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let (status, external_id, error, due_time) = match next {
            Next::Sent { external_id } => (ReplyStatus::Sent, Some(external_id), "", None),
            Next::Failed { message } => (ReplyStatus::Failed, None, message.as_str(), None),
            Next::Unknown { message } => (ReplyStatus::Unknown, None, message.as_str(), None),
            Next::Look { at, message } => (ReplyStatus::Sending, None, message.as_str(), Some(*at)),
            // Taken again instead.
            Next::Send => return Ok(()),
        };
        sqlx::query!(
            r#"
            UPDATE comments
            SET reply_status = $4,
                reply_external_id = $5,
                reply_error = $6,
                reply_due_time = $7,
                reply_looks = reply_looks + 1,
                read_time = CASE WHEN $4 = 'sent' THEN COALESCE(read_time, $8) ELSE read_time END
            WHERE bucket = $1 AND id = $2 AND reply_version = $3 AND reply_status = 'sending'
            "#,
            taken.comment_id.bucket().as_i16(),
            taken.comment_id as CommentId,
            taken.version,
            status.as_str(),
            external_id,
            error,
            due_time,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }
}

/// Nothing of a workspace that is gone is sent or looked for any more.
#[tracing::instrument(skip_all, name = "db.comments.drop_replies", err(level = "debug"))]
pub(in crate::store) async fn drop_replies(
    connection: &mut PgConnection,
    workspace_id: WorkspaceId,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE comments
        SET reply_status = 'unknown', reply_due_time = NULL
        WHERE bucket = $1 AND workspace_id = $2 AND reply_due_time IS NOT NULL
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
    )
    .execute(connection)
    .await?;
    Ok(())
}
