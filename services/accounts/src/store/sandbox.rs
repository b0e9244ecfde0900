//! Tables `sandbox_behaviors`, `sandbox_calls`, `sandbox_comments`: the network inside the system.

mod commands;

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, Id, Kind};
use postbreeze_proto::{
    internal::v1::{PublishCommentRequest, PublishRequest},
    v1::{SandboxBehavior, SandboxCallKind, SandboxFault},
};
use prost::Message as _;
use sqlx::PgConnection;

pub(crate) use self::commands::CallRow;
use super::Store;
use crate::networks::is_accepted;

/// What the network tells of a post at the most.
const COMMENTS: i64 = 500;

/// A call that the network received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SandboxCall;

impl Kind for SandboxCall {
    const PREFIX: &'static str = "sbx";
    const NAME: &'static str = "sandbox_call";
}

/// Names what it received; of what it accepted, its own id.
pub(crate) type SandboxCallId = Id<SandboxCall>;

/// A comment that somebody wrote there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SandboxComment;

impl Kind for SandboxComment {
    const PREFIX: &'static str = "sbc";
    const NAME: &'static str = "sandbox_comment";
}

/// Names a comment.
pub(crate) type SandboxCommentId = Id<SandboxComment>;

/// A sending, as it arrives.
pub(crate) struct NewCall<'a> {
    /// What it is.
    pub(crate) kind: SandboxCallKind,
    /// The key it carries.
    pub(crate) key: &'a str,
    /// Its text.
    pub(crate) text: &'a str,
    /// The post it is written to; empty: it is one.
    pub(crate) external_post_id: &'a str,
    /// Types of what it shows.
    pub(crate) media: Vec<String>,
    /// The description of each.
    pub(crate) alt_texts: Vec<String>,
}

impl<'a> NewCall<'a> {
    /// A post.
    pub(crate) fn of_post(post: &'a PublishRequest) -> Self {
        Self {
            kind: SandboxCallKind::Publish,
            key: &post.key,
            text: &post.text,
            external_post_id: "",
            media: post.media.iter().map(|medium| medium.content_type.clone()).collect(),
            alt_texts: post.media.iter().map(|medium| medium.alt_text.clone()).collect(),
        }
    }

    /// A comment.
    pub(crate) fn of_comment(comment: &'a PublishCommentRequest) -> Self {
        Self {
            kind: SandboxCallKind::Comment,
            key: &comment.key,
            text: &comment.text,
            external_post_id: &comment.external_post_id,
            media: Vec::new(),
            alt_texts: Vec::new(),
        }
    }
}

/// A comment that somebody wrote.
#[derive(Debug, Clone)]
pub(crate) struct CommentRow {
    /// The comment.
    pub(crate) id: SandboxCommentId,
    /// Who wrote it.
    pub(crate) author_handle: String,
    /// What.
    pub(crate) body: String,
    /// When.
    pub(crate) create_time: DateTime<Utc>,
}

impl Store {
    /// Receives a sending: takes the fault it meets out of the behavior, and writes it down. `None` in place of a fault:
    /// there is no such post to write under.
    #[tracing::instrument(skip_all, name = "db.sandbox_calls.receive", err(level = "debug"))]
    pub(crate) async fn receive_sandbox_call(
        &self,
        account_id: AccountId,
        id: SandboxCallId,
        call: &NewCall<'_>,
        now: DateTime<Utc>,
        draw: impl FnOnce(&mut SandboxBehavior) -> SandboxFault,
    ) -> Result<(SandboxBehavior, Option<SandboxFault>), sqlx::Error> {
        let bucket = account_id.bucket().as_i16();
        let mut transaction = self.pool().begin().await?;
        let kept = sqlx::query_scalar!(
            r#"
            SELECT behavior
            FROM sandbox_behaviors
            WHERE bucket = $1 AND account_id = $2
            FOR UPDATE
            "#,
            bucket,
            account_id as AccountId,
        )
        .fetch_optional(&mut *transaction)
        .await?;
        let mut behavior = kept.as_deref().map(decode).unwrap_or_default();
        if call.kind == SandboxCallKind::Comment
            && !has_post(&mut transaction, account_id, call.external_post_id).await?
        {
            return Ok((behavior, None));
        }
        let to_come = behavior.next_faults.len();
        let fault = draw(&mut behavior);
        if behavior.next_faults.len() < to_come {
            sqlx::query!(
                "UPDATE sandbox_behaviors SET behavior = $3 WHERE bucket = $1 AND account_id = $2",
                bucket,
                account_id as AccountId,
                behavior.encode_to_vec(),
            )
            .execute(&mut *transaction)
            .await?;
        }
        insert_call(&mut transaction, account_id, id, call, fault, now).await?;
        transaction.commit().await?;
        Ok((behavior, Some(fault)))
    }

    /// Writes down that the network was asked for a key, and tells what it has under it: the first, where it has several.
    #[tracing::instrument(skip_all, name = "db.sandbox_calls.find", err(level = "debug"))]
    pub(crate) async fn find_in_sandbox(
        &self,
        account_id: AccountId,
        id: SandboxCallId,
        key: &str,
        kind: SandboxCallKind,
        now: DateTime<Utc>,
    ) -> Result<(SandboxBehavior, Option<SandboxCallId>), sqlx::Error> {
        let row = sqlx::query!(
            r#"
            WITH asked AS (
                INSERT INTO sandbox_calls (
                    bucket, id, account_id, kind, key, text, accepted, fault, external_post_id,
                    media_content_types, create_time
                )
                VALUES ($1, $3, $2, $6, $4, '', FALSE, 0, '', '{}', $7)
            )
            SELECT
                (
                    SELECT behavior
                    FROM sandbox_behaviors
                    WHERE bucket = $1 AND account_id = $2
                ) AS behavior,
                (
                    SELECT id
                    FROM sandbox_calls
                    WHERE bucket = $1 AND account_id = $2 AND key = $4 AND accepted AND kind = $5
                    ORDER BY id
                    LIMIT 1
                ) AS "found: SandboxCallId"
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            id as SandboxCallId,
            key,
            number(kind),
            number(SandboxCallKind::Find),
            now,
        )
        .fetch_one(self.pool())
        .await?;
        Ok((row.behavior.as_deref().map(decode).unwrap_or_default(), row.found))
    }

    /// Writes down that comments were asked for, and tells the newest that others wrote under a post.
    #[tracing::instrument(skip_all, name = "db.sandbox_comments.fetch", err(level = "debug"))]
    pub(crate) async fn fetch_sandbox_comments(
        &self,
        account_id: AccountId,
        id: SandboxCallId,
        external_post_id: &str,
        now: DateTime<Utc>,
    ) -> Result<(SandboxBehavior, Vec<CommentRow>), sqlx::Error> {
        let bucket = account_id.bucket().as_i16();
        let behavior = sqlx::query_scalar!(
            r#"
            WITH asked AS (
                INSERT INTO sandbox_calls (
                    bucket, id, account_id, kind, key, text, accepted, fault, external_post_id,
                    media_content_types, create_time
                )
                VALUES ($1, $3, $2, $4, '', '', FALSE, 0, $5, '{}', $6)
            )
            SELECT (
                SELECT behavior
                FROM sandbox_behaviors
                WHERE bucket = $1 AND account_id = $2
            ) AS behavior
            "#,
            bucket,
            account_id as AccountId,
            id as SandboxCallId,
            number(SandboxCallKind::FetchComments),
            external_post_id,
            now,
        )
        .fetch_one(self.pool())
        .await?;
        let comments = sqlx::query_as!(
            CommentRow,
            r#"
            SELECT
                id AS "id: SandboxCommentId",
                author_handle,
                body,
                create_time
            FROM sandbox_comments
            WHERE bucket = $1 AND account_id = $2 AND external_post_id = $3
            ORDER BY id DESC
            LIMIT $4
            "#,
            bucket,
            account_id as AccountId,
            external_post_id,
            COMMENTS,
        )
        .fetch_all(self.pool())
        .await?;
        Ok((behavior.as_deref().map(decode).unwrap_or_default(), comments))
    }
}

/// Whether the network has a post of an account.
pub(crate) async fn has_post(
    connection: &mut PgConnection,
    account_id: AccountId,
    external_post_id: &str,
) -> Result<bool, sqlx::Error> {
    let Ok(id) = external_post_id.parse::<SandboxCallId>() else { return Ok(false) };
    sqlx::query_scalar!(
        r#"
        SELECT EXISTS (
            SELECT
            FROM sandbox_calls
            WHERE bucket = $1 AND id = $2 AND account_id = $3 AND accepted AND kind = $4
        ) AS "has!"
        "#,
        account_id.bucket().as_i16(),
        id as SandboxCallId,
        account_id as AccountId,
        number(SandboxCallKind::Publish),
    )
    .fetch_one(connection)
    .await
}

async fn insert_call(
    connection: &mut PgConnection,
    account_id: AccountId,
    id: SandboxCallId,
    call: &NewCall<'_>,
    fault: SandboxFault,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO sandbox_calls (
            bucket, id, account_id, kind, key, text, accepted, fault, external_post_id,
            media_content_types, media_alt_texts, create_time
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $12, $11)
        "#,
        account_id.bucket().as_i16(),
        id as SandboxCallId,
        account_id as AccountId,
        number(call.kind),
        call.key,
        call.text,
        is_accepted(fault),
        i16::try_from(i32::from(fault)).unwrap_or(0),
        call.external_post_id,
        &call.media,
        now,
        &call.alt_texts,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A kind as the table keeps it.
fn number(kind: SandboxCallKind) -> i16 {
    i16::try_from(i32::from(kind)).unwrap_or(0)
}

/// What cannot be read is no behavior: the network then accepts everything.
fn decode(bytes: &[u8]) -> SandboxBehavior {
    SandboxBehavior::decode(bytes).unwrap_or_default()
}
