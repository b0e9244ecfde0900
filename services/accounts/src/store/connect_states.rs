//! Table `connect_states`.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{UserId, WorkspaceId};
use sqlx::PgConnection;

use super::Store;

/// A connection that is being made.
#[derive(Debug, Clone)]
pub(crate) struct ConnectState {
    /// Who began it.
    pub(crate) user_id: UserId,
    /// For which workspace.
    pub(crate) workspace_id: WorkspaceId,
    /// With which platform.
    pub(crate) platform: i16,
    /// When it runs out.
    pub(crate) expire_time: DateTime<Utc>,
    /// The account's server; empty where the network has but one, or tells it with the credentials.
    pub(crate) server_url: String,
    /// The id of the configured key that its verifier of PKCE is made with.
    pub(crate) key_id: Option<Vec<u8>>,
}

/// Writes a connection that begins.
#[tracing::instrument(skip_all, name = "db.connect_states.insert", err(level = "debug"))]
pub(crate) async fn insert_state(
    connection: &mut PgConnection,
    _workspace: &Admitted<()>,
    hash: &[u8],
    state: &ConnectState,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO connect_states (
            state_hash, user_id, workspace_id, platform, expire_time, server_url, key_id
        )
        VALUES ($1, $2, $3, $4, $5, $6, $7)
        "#,
        hash,
        state.user_id as UserId,
        state.workspace_id as WorkspaceId,
        state.platform,
        state.expire_time,
        state.server_url,
        state.key_id.as_deref(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Uses a state up. Answers whether it was there: of two calls with one state, one goes on.
#[tracing::instrument(skip_all, name = "db.connect_states.spend", err(level = "debug"))]
pub(crate) async fn spend_state(
    connection: &mut PgConnection,
    hash: &[u8],
) -> Result<bool, sqlx::Error> {
    let done = sqlx::query!("DELETE FROM connect_states WHERE state_hash = $1", hash)
        .execute(connection)
        .await?;
    Ok(done.rows_affected() == 1)
}

impl Store {
    /// A connection by its state; none when it is used up or was never begun.
    #[tracing::instrument(skip_all, name = "db.connect_states.find", err(level = "debug"))]
    pub(crate) async fn find_state(
        &self,
        hash: &[u8],
    ) -> Result<Option<ConnectState>, sqlx::Error> {
        sqlx::query_as!(
            ConnectState,
            r#"
            SELECT
                user_id AS "user_id: UserId",
                workspace_id AS "workspace_id: WorkspaceId",
                platform,
                expire_time,
                server_url,
                key_id
            FROM connect_states
            WHERE state_hash = $1
            "#,
            hash,
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Deletes states that have run out.
    #[tracing::instrument(skip_all, name = "db.connect_states.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_states(&self, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        let done = sqlx::query!("DELETE FROM connect_states WHERE expire_time <= $1", now)
            .execute(self.pool())
            .await?;
        Ok(done.rows_affected())
    }
}
