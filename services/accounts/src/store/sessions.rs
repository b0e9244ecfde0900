//! An account with its tokens, and what becomes of it when they work no more.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_proto::v1::Platform;

use super::{
    Store,
    account_log::{AccountEvent, append_event},
    accounts::AccountRow,
    sandbox::{NewCall, SandboxCallId},
    tokens::stop_refreshing,
};
use crate::{account::AccountStatus, vault::Sealed};

/// Tokens of an account, as they lie.
#[derive(Debug, Clone)]
pub(crate) struct TokenRow {
    /// The tokens.
    pub(crate) sealed: Sealed,
    /// When the access token runs out.
    pub(crate) expire_time: Option<DateTime<Utc>>,
    /// How many refreshes have failed one after another.
    pub(crate) refresh_failures: i32,
    /// When the next refresh is due.
    pub(crate) refresh_time: Option<DateTime<Utc>>,
    /// Until when somebody refreshes them.
    pub(crate) lease_until: Option<DateTime<Utc>>,
    /// Raised by every change.
    pub(crate) version: i64,
}

/// An account and its tokens.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// The account.
    pub(crate) account: AccountRow,
    /// Its tokens; none when it was disconnected.
    pub(crate) token: Option<TokenRow>,
}

/// What a row of the statements below holds.
macro_rules! loaded {
    ($row:ident) => {
        Loaded {
            account: AccountRow {
                id: $row.id,
                workspace_id: $row.workspace_id,
                platform: $row.platform,
                external_id: $row.external_id,
                handle: $row.handle,
                display_name: $row.display_name,
                avatar_url: $row.avatar_url,
                status: $row.status,
                scopes: $row.scopes,
                connect_time: $row.connect_time,
                token_expire_time: $row.token_expire_time,
                server_url: $row.server_url,
                max_characters: $row.max_characters,
            },
            token: $row.access_token.zip($row.version).map(|(access_token, version)| TokenRow {
                sealed: Sealed {
                    access_token,
                    refresh_token: $row.refresh_token,
                    data_key: $row.data_key,
                    key_id: $row.key_id,
                },
                expire_time: $row.expire_time,
                refresh_failures: $row.refresh_failures.unwrap_or(0),
                refresh_time: $row.refresh_time,
                lease_until: $row.lease_until,
                version,
            }),
        }
    };
}

impl Store {
    /// An account with its tokens, for this service's own use.
    #[tracing::instrument(skip_all, name = "db.accounts.load", err(level = "debug"))]
    pub(crate) async fn load_session(&self, id: AccountId) -> Result<Option<Loaded>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query!(
            r#"
            SELECT
                account.id AS "id: AccountId",
                account.workspace_id AS "workspace_id: WorkspaceId",
                account.platform,
                account.external_id,
                account.handle,
                account.display_name,
                account.avatar_url,
                account.status,
                account.scopes,
                account.connect_time,
                account.token_expire_time,
                account.server_url,
                account.max_characters,
                token.access_token AS "access_token?",
                token.refresh_token AS "refresh_token?",
                token.data_key AS "data_key?",
                token.key_id AS "key_id?",
                token.expire_time AS "expire_time?",
                token.refresh_failures AS "refresh_failures?",
                token.refresh_time AS "refresh_time?",
                token.lease_until AS "lease_until?",
                token.version AS "version?"
            FROM accounts AS account
            LEFT JOIN account_tokens AS token
                ON token.bucket = account.bucket AND token.account_id = account.id
            WHERE account.bucket = $1 AND account.id = $2
            "#,
            id.bucket().as_i16(),
            id as AccountId,
        )
        .fetch_optional(lease.connection())
        .await;
        Ok(lease.end(found)?.map(|row| loaded!(row)))
    }

    /// The same for a post that is about to be sent. Where it goes to the sandbox, and nothing was commanded there, the one
    /// statement is the whole sending: it is accepted under `call`, and the answer says so.
    #[tracing::instrument(skip_all, name = "db.accounts.load_to_publish", err(level = "debug"))]
    pub(crate) async fn load_to_publish(
        &self,
        id: AccountId,
        call: SandboxCallId,
        post: &NewCall<'_>,
        now: DateTime<Utc>,
    ) -> Result<Option<(Loaded, bool)>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query!(
            r#"
            WITH accepted AS (
                INSERT INTO sandbox_calls (
                    bucket, id, account_id, kind, key, text, accepted, fault, external_post_id,
                    media_content_types, media_alt_texts, create_time
                )
                SELECT account.bucket, $3, account.id, $4, $5, $6, TRUE, 0, '', $7, $10, $8
                FROM accounts AS account
                WHERE account.bucket = $1
                    AND account.id = $2
                    AND account.platform = $9
                    AND account.status = 'active'
                    AND NOT EXISTS (
                        SELECT
                        FROM sandbox_behaviors AS behavior
                        WHERE behavior.bucket = $1 AND behavior.account_id = $2
                    )
                RETURNING 1
            )
            SELECT
                account.id AS "id: AccountId",
                account.workspace_id AS "workspace_id: WorkspaceId",
                account.platform,
                account.external_id,
                account.handle,
                account.display_name,
                account.avatar_url,
                account.status,
                account.scopes,
                account.connect_time,
                account.token_expire_time,
                account.server_url,
                account.max_characters,
                token.access_token AS "access_token?",
                token.refresh_token AS "refresh_token?",
                token.data_key AS "data_key?",
                token.key_id AS "key_id?",
                token.expire_time AS "expire_time?",
                token.refresh_failures AS "refresh_failures?",
                token.refresh_time AS "refresh_time?",
                token.lease_until AS "lease_until?",
                token.version AS "version?",
                EXISTS (SELECT FROM accepted) AS "accepted!"
            FROM accounts AS account
            LEFT JOIN account_tokens AS token
                ON token.bucket = account.bucket AND token.account_id = account.id
            WHERE account.bucket = $1 AND account.id = $2
            "#,
            id.bucket().as_i16(),
            id as AccountId,
            call as SandboxCallId,
            i16::try_from(i32::from(post.kind)).unwrap_or(0),
            post.key,
            post.text,
            &post.media,
            now,
            i16::try_from(i32::from(Platform::Sandbox)).unwrap_or(0),
            &post.alt_texts,
        )
        .fetch_optional(lease.connection())
        .await;
        Ok(lease.end(found)?.map(|row| {
            let accepted = row.accepted;
            (loaded!(row), accepted)
        }))
    }

    /// Marks an active account as one whose token works no more, if its tokens are still those of this version: one that was
    /// connected anew in the meantime stays as it is. Answers whether it was marked.
    #[tracing::instrument(skip_all, name = "db.accounts.expire", err(level = "debug"))]
    pub(crate) async fn expire_account(
        &self,
        account: &AccountRow,
        version: i64,
        revoked: bool,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let (status, event) = if revoked {
            (AccountStatus::Revoked, AccountEvent::Revoked)
        } else {
            (AccountStatus::TokenExpired, AccountEvent::Expired)
        };
        let mut transaction = self.pool().begin().await?;
        let marked = sqlx::query!(
            r#"
            UPDATE accounts
            SET status = $3
            WHERE bucket = $1 AND id = $2 AND status = 'active'
            "#,
            account.id.bucket().as_i16(),
            account.id as AccountId,
            status.as_str(),
        )
        .execute(&mut *transaction)
        .await?;
        let marked = marked.rows_affected() == 1
            && stop_refreshing(&mut transaction, account.id, version).await?;
        if !marked {
            transaction.rollback().await?;
            return Ok(false);
        }
        append_event(&mut transaction, account, event, now).await?;
        transaction.commit().await?;
        self.appended.notify_waiters();
        Ok(true)
    }
}
