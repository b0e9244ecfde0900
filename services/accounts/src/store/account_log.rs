//! `account_log` and its head: what happened to accounts, in the order in which it was committed.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, WorkspaceId};
use sqlx::PgConnection;

use super::{Store, accounts::AccountRow};

/// What happened to an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountEvent {
    /// It was connected, or revived.
    Connected,
    /// Its token does not work any more.
    Expired,
    /// The network took the grant back.
    Revoked,
    /// It was disconnected, for good.
    Disconnected,
}

impl AccountEvent {
    /// The name that the table keeps.
    fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Disconnected => "disconnected",
        }
    }

    /// The event of such a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Connected, Self::Expired, Self::Revoked, Self::Disconnected]
            .into_iter()
            .find(|event| event.as_str() == name)
    }
}

/// An entry.
#[derive(Debug, Clone)]
pub(crate) struct LogRow {
    /// Its place in the order.
    pub(crate) position: i64,
    /// The account.
    pub(crate) account_id: AccountId,
    /// Its workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// Number of its platform.
    pub(crate) platform: i16,
    /// The name it was addressed by.
    pub(crate) handle: String,
    /// Name of an [`AccountEvent`].
    pub(crate) event: String,
    /// When.
    pub(crate) create_time: DateTime<Utc>,
}

/// Appends what happened to an account. The last statement before the commit: everybody else who appends waits for this
/// transaction.
#[tracing::instrument(skip_all, name = "db.account_log.insert", err(level = "debug"))]
pub(crate) async fn append_event(
    connection: &mut PgConnection,
    account: &AccountRow,
    event: AccountEvent,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        WITH head AS (
            UPDATE account_log_head
            SET position = position + 1
            WHERE only_row
            RETURNING position
        )
        INSERT INTO account_log (
            position, account_id, workspace_id, platform, handle, event, create_time
        )
        SELECT head.position, $1, $2, $3, $4, $5, $6
        FROM head
        "#,
        account.id as AccountId,
        account.workspace_id as WorkspaceId,
        account.platform,
        account.handle,
        event.as_str(),
        now,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// At most `limit` entries after a position, oldest first.
    #[tracing::instrument(skip_all, name = "db.account_log.list", err(level = "debug"))]
    pub(crate) async fn account_log_after(
        &self,
        position: i64,
        limit: i64,
    ) -> Result<Vec<LogRow>, sqlx::Error> {
        sqlx::query_as!(
            LogRow,
            r#"
            SELECT
                position,
                account_id AS "account_id: AccountId",
                workspace_id AS "workspace_id: WorkspaceId",
                platform,
                handle,
                event,
                create_time
            FROM account_log
            WHERE position > $1
            ORDER BY position
            LIMIT $2
            "#,
            position,
            limit,
        )
        .fetch_all(self.pool())
        .await
    }

    /// The position of the last entry ever appended.
    #[tracing::instrument(skip_all, name = "db.account_log_head.find", err(level = "debug"))]
    pub(crate) async fn account_log_end(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar!("SELECT position FROM account_log_head").fetch_one(self.pool()).await
    }

    /// Deletes entries that every reader has dealt with long ago.
    #[tracing::instrument(skip_all, name = "db.account_log.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_account_log(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!("DELETE FROM account_log WHERE create_time < $1", before)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
