//! What commands the network, and shows what it received.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::AccountId;
use postbreeze_proto::v1::SandboxBehavior;
use prost::Message as _;
use uuid::Uuid;

use super::{SandboxCallId, SandboxCommentId, has_post};
use crate::store::{Store, accounts::AccountRow};

/// A row of `sandbox_calls`.
#[derive(Debug, Clone)]
pub(crate) struct CallRow {
    /// The call.
    pub(crate) id: SandboxCallId,
    /// Number of its kind.
    pub(crate) kind: i16,
    /// The key it carried.
    pub(crate) key: String,
    /// Its text.
    pub(crate) text: String,
    /// Whether the network has it since.
    pub(crate) accepted: bool,
    /// Number of the fault it met.
    pub(crate) fault: i16,
    /// The post it was written to.
    pub(crate) external_post_id: String,
    /// Types of what it showed.
    pub(crate) media_content_types: Vec<String>,
    /// The description of each.
    pub(crate) media_alt_texts: Vec<String>,
    /// When it came.
    pub(crate) create_time: DateTime<Utc>,
}

impl Store {
    /// Says how the network answers for an account; the default behavior is no row.
    #[tracing::instrument(skip_all, name = "db.sandbox_behaviors.set", err(level = "debug"))]
    pub(crate) async fn set_sandbox_behavior(
        &self,
        account: &Admitted<AccountRow>,
        behavior: &SandboxBehavior,
    ) -> Result<(), sqlx::Error> {
        let bucket = account.id.bucket().as_i16();
        let encoded = behavior.encode_to_vec();
        if encoded.is_empty() {
            sqlx::query!(
                "DELETE FROM sandbox_behaviors WHERE bucket = $1 AND account_id = $2",
                bucket,
                account.id as AccountId,
            )
            .execute(self.pool())
            .await?;
            return Ok(());
        }
        sqlx::query!(
            r#"
            INSERT INTO sandbox_behaviors (bucket, account_id, behavior)
            VALUES ($1, $2, $3)
            ON CONFLICT (bucket, account_id) DO UPDATE
            SET behavior = excluded.behavior
            "#,
            bucket,
            account.id as AccountId,
            encoded,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// A page of the calls for an account, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.sandbox_calls.list", err(level = "debug"))]
    pub(crate) async fn list_sandbox_calls(
        &self,
        account: &Admitted<AccountRow>,
        kind: Option<i16>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<CallRow>, sqlx::Error> {
        sqlx::query_as!(
            CallRow,
            r#"
            SELECT
                id AS "id: SandboxCallId",
                kind,
                key,
                text,
                accepted,
                fault,
                external_post_id,
                media_content_types,
                media_alt_texts,
                create_time
            FROM sandbox_calls
            WHERE bucket = $1
                AND account_id = $2
                AND id < $3
                AND ($4::SMALLINT IS NULL OR kind = $4)
            ORDER BY id DESC
            LIMIT $5
            "#,
            account.id.bucket().as_i16(),
            account.id as AccountId,
            after.unwrap_or(Uuid::max()),
            kind,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Writes a comment under a post, as somebody there would. Answers whether there is such a post.
    #[tracing::instrument(skip_all, name = "db.sandbox_comments.insert", err(level = "debug"))]
    pub(crate) async fn add_sandbox_comment(
        &self,
        account: &Admitted<AccountRow>,
        id: SandboxCommentId,
        external_post_id: &str,
        author_handle: &str,
        body: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let mut connection = self.pool().acquire().await?;
        if !has_post(&mut connection, account.id, external_post_id).await? {
            return Ok(false);
        }
        sqlx::query!(
            r#"
            INSERT INTO sandbox_comments (
                bucket, id, account_id, external_post_id, author_handle, body, create_time
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7)
            "#,
            account.id.bucket().as_i16(),
            id as SandboxCommentId,
            account.id as AccountId,
            external_post_id,
            author_handle,
            body,
            now,
        )
        .execute(&mut *connection)
        .await?;
        Ok(true)
    }

    /// Deletes what the network received long ago.
    #[tracing::instrument(skip_all, name = "db.sandbox_calls.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_sandbox(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!(
            r#"
            DELETE FROM sandbox_calls
            WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM sandbox_calls WHERE create_time < $1 LIMIT 10000
            ))
            "#,
            before,
        )
        .execute(self.pool())
        .await?;
        sqlx::query!("DELETE FROM sandbox_comments WHERE create_time < $1", before)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
