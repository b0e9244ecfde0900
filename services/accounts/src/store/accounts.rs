//! Table `accounts`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim, Scope};
use postbreeze_ids::{AccountId, WorkspaceId};
use postbreeze_runtime::{pages::read_page, postgres::violated_constraint};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{
    Store,
    account_log::{AccountEvent, append_event},
    tokens::destroy_token,
};
use crate::error::Error;

/// A row of `accounts`.
#[derive(Debug, Clone)]
pub(crate) struct AccountRow {
    /// The account.
    pub(crate) id: AccountId,
    /// Its workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// Number of its platform.
    pub(crate) platform: i16,
    /// The network's own id.
    pub(crate) external_id: String,
    /// The name it is addressed by.
    pub(crate) handle: String,
    /// The name the network shows.
    pub(crate) display_name: String,
    /// The picture the network shows.
    pub(crate) avatar_url: String,
    /// Name of an `AccountStatus`.
    pub(crate) status: String,
    /// What the network granted.
    pub(crate) scopes: Vec<String>,
    /// When it was connected, or last revived.
    pub(crate) connect_time: DateTime<Utc>,
    /// When its token runs out.
    pub(crate) token_expire_time: Option<DateTime<Utc>>,
    /// Its server; empty where the network has but one.
    pub(crate) server_url: String,
    /// How many characters a post may have, where its server says so.
    pub(crate) max_characters: Option<i32>,
}

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct AccountFilter {
    /// Numbers of platforms; empty: all.
    pub(crate) platforms: Vec<i16>,
    /// Whether disconnected ones are shown.
    pub(crate) include_disconnected: bool,
}

impl Store {
    /// An account by its id, disconnected ones included.
    #[tracing::instrument(skip_all, name = "db.accounts.find", err(level = "debug"))]
    pub(crate) async fn find_account(
        &self,
        id: AccountId,
    ) -> Result<Option<Claim<AccountRow>>, sqlx::Error> {
        let rows = self.find_accounts(&[id]).await?;
        Ok(rows.into_iter().next().map(|row| Claim::new(row.workspace_id, row)))
    }

    /// Accounts by their ids, for a service that admits by itself.
    #[tracing::instrument(skip_all, name = "db.accounts.look_up", err(level = "debug"))]
    pub(crate) async fn find_accounts(
        &self,
        ids: &[AccountId],
    ) -> Result<Vec<AccountRow>, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query_as!(
            AccountRow,
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
                account.max_characters
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN accounts AS account ON account.bucket = wanted.bucket AND account.id = wanted.id
            "#,
            &buckets,
            ids as &[AccountId],
        )
        .fetch_all(lease.connection())
        .await;
        lease.end(found)
    }

    /// A page of the scope's accounts, newest first, below an id.
    #[tracing::instrument(skip_all, name = "db.accounts.list", err(level = "debug"))]
    pub(crate) async fn list_accounts(
        &self,
        scope: &Scope,
        filter: &AccountFilter,
        after: Option<Uuid>,
        limit: usize,
    ) -> Result<Vec<AccountRow>, sqlx::Error> {
        read_page(
            scope.ids().len(),
            after.unwrap_or(Uuid::max()),
            limit,
            |below, nth| self.account_cut(scope, below, nth),
            |below, from, limit| {
                self.account_rows(scope, filter, below, from.unwrap_or(Uuid::nil()), limit)
            },
        )
        .await
    }

    async fn account_rows(
        &self,
        scope: &Scope,
        filter: &AccountFilter,
        below: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<AccountRow>, sqlx::Error> {
        sqlx::query_as!(
            AccountRow,
            r#"
            SELECT
                row.id AS "id!: AccountId",
                row.workspace_id AS "workspace_id!: WorkspaceId",
                row.platform AS "platform!",
                row.external_id AS "external_id!",
                row.handle AS "handle!",
                row.display_name AS "display_name!",
                row.avatar_url AS "avatar_url!",
                row.status AS "status!",
                row.scopes AS "scopes!",
                row.connect_time AS "connect_time!",
                row.token_expire_time AS "token_expire_time?",
                row.server_url AS "server_url!",
                row.max_characters AS "max_characters?"
            FROM account_heads AS head
            CROSS JOIN LATERAL (
                SELECT *
                FROM accounts AS account
                WHERE account.bucket = head.bucket
                    AND account.workspace_id = head.workspace_id
                    AND account.id < $2
                    AND account.id >= $3
                    AND (cardinality($4::SMALLINT[]) = 0 OR account.platform = ANY($4))
                    AND ($5 OR account.status <> 'disconnected')
                ORDER BY account.id DESC
                LIMIT $6
            ) AS row
            WHERE head.workspace_id = ANY($1) AND head.last_id >= $3
            ORDER BY row.id DESC
            LIMIT $6
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            from,
            &filter.platforms,
            filter.include_disconnected,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// Disconnects an account for good: its tokens are destroyed with it. Again changes nothing. Answers whether it was
    /// connected until now.
    #[tracing::instrument(skip_all, name = "db.accounts.disconnect", err(level = "debug"))]
    pub(crate) async fn disconnect(
        &self,
        account: &Admitted<AccountRow>,
        now: DateTime<Utc>,
    ) -> Result<bool, sqlx::Error> {
        let mut transaction = self.pool().begin().await?;
        let done = sqlx::query!(
            r#"
            UPDATE accounts
            SET status = 'disconnected'
            WHERE bucket = $1 AND id = $2 AND status <> 'disconnected'
            "#,
            account.id.bucket().as_i16(),
            account.id as AccountId,
        )
        .execute(&mut *transaction)
        .await?;
        let was_connected = done.rows_affected() == 1;
        destroy_token(&mut transaction, account.id).await?;
        if was_connected {
            append_event(&mut transaction, account, AccountEvent::Disconnected, now).await?;
        }
        transaction.commit().await?;
        self.appended.notify_waiters();
        Ok(was_connected)
    }
}

/// The account of a workspace and platform that is not disconnected, locked.
#[tracing::instrument(skip_all, name = "db.accounts.lock", err(level = "debug"))]
pub(crate) async fn lock_connected(
    connection: &mut PgConnection,
    workspace: &Admitted<()>,
    platform: i16,
) -> Result<Option<AccountRow>, sqlx::Error> {
    let workspace_id = workspace.workspace_id();
    sqlx::query_as!(
        AccountRow,
        r#"
        SELECT
            id AS "id: AccountId",
            workspace_id AS "workspace_id: WorkspaceId",
            platform,
            external_id,
            handle,
            display_name,
            avatar_url,
            status,
            scopes,
            connect_time,
            token_expire_time,
            server_url,
            max_characters
        FROM accounts
        WHERE bucket = $1 AND workspace_id = $2 AND platform = $3 AND status <> 'disconnected'
        FOR UPDATE
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        platform,
    )
    .fetch_optional(connection)
    .await
}

/// Writes a new account of a workspace whose head was raised.
///
/// # Errors
/// [`Error::AlreadyConnected`] when another call was first.
#[tracing::instrument(skip_all, name = "db.accounts.insert", err(level = "debug"))]
pub(crate) async fn insert_account(
    connection: &mut PgConnection,
    _workspace: &Admitted<()>,
    row: &AccountRow,
) -> Result<(), Error> {
    let inserted = sqlx::query!(
        r#"
        INSERT INTO accounts (
            bucket, id, workspace_id, platform, external_id, handle, display_name, avatar_url, status, scopes,
            connect_time, token_expire_time, server_url, max_characters
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        "#,
        row.id.bucket().as_i16(),
        row.id as AccountId,
        row.workspace_id as WorkspaceId,
        row.platform,
        row.external_id,
        row.handle,
        row.display_name,
        row.avatar_url,
        row.status,
        &row.scopes,
        row.connect_time,
        row.token_expire_time,
        row.server_url,
        row.max_characters,
    )
    .execute(connection)
    .await;
    match inserted {
        Err(error) if violated_constraint(&error) == Some("accounts_one_per_platform") => {
            Err(Error::AlreadyConnected)
        }
        other => {
            other?;
            Ok(())
        }
    }
}

/// Brings a locked account back to life with what the network tells now.
#[tracing::instrument(skip_all, name = "db.accounts.revive", err(level = "debug"))]
pub(crate) async fn revive_account(
    connection: &mut PgConnection,
    row: &AccountRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        UPDATE accounts
        SET handle = $3,
            display_name = $4,
            avatar_url = $5,
            status = $6,
            scopes = $7,
            connect_time = $8,
            token_expire_time = $9,
            server_url = $10,
            max_characters = $11
        WHERE bucket = $1 AND id = $2
        "#,
        row.id.bucket().as_i16(),
        row.id as AccountId,
        row.handle,
        row.display_name,
        row.avatar_url,
        row.status,
        &row.scopes,
        row.connect_time,
        row.token_expire_time,
        row.server_url,
        row.max_characters,
    )
    .execute(connection)
    .await?;
    Ok(())
}
