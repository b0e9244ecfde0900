//! Table `sessions`.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use postbreeze_ids::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::Store;

/// A session as its user sees it.
#[derive(Debug, Clone)]
pub(crate) struct SessionRow {
    /// When it began.
    pub(crate) create_time: DateTime<Utc>,
    /// When it ends unless it is used.
    pub(crate) expire_time: DateTime<Utc>,
}

/// Writes a new session.
#[tracing::instrument(skip_all, name = "db.sessions.insert", err(level = "debug"))]
pub(crate) async fn insert_session(
    connection: &mut PgConnection,
    id: Uuid,
    user_id: UserId,
    secret_hash: &[u8],
    session: &SessionRow,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        r#"
        INSERT INTO sessions (secret_hash, id, user_id, create_time, expire_time)
        VALUES ($1, $2, $3, $4, $5)
        "#,
        secret_hash,
        id,
        user_id as UserId,
        session.create_time,
        session.expire_time,
    )
    .execute(connection)
    .await?;
    Ok(())
}

impl Store {
    /// A session by its id.
    #[tracing::instrument(skip_all, name = "db.sessions.find", err(level = "debug"))]
    pub(crate) async fn find_session(&self, id: Uuid) -> Result<Option<SessionRow>, sqlx::Error> {
        sqlx::query_as!(
            SessionRow,
            "SELECT create_time, expire_time FROM sessions WHERE id = $1",
            id
        )
        .fetch_optional(self.pool())
        .await
    }

    /// Ends a session; again changes nothing.
    #[tracing::instrument(skip_all, name = "db.sessions.sign_out", err(level = "debug"))]
    pub(crate) async fn sign_out(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "UPDATE sessions SET sign_out_time = COALESCE(sign_out_time, $2) WHERE id = $1",
            id,
            now,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Lets sessions slide on; none is shortened. Locks in the order of the ids.
    #[tracing::instrument(skip_all, name = "db.sessions.extend", err(level = "debug"))]
    pub(crate) async fn extend_sessions(
        &self,
        until: &HashMap<Uuid, DateTime<Utc>>,
    ) -> Result<(), sqlx::Error> {
        let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = until.iter().unzip();
        sqlx::query!(
            r#"
            WITH locked AS (
                SELECT session.id, used.expire_time
                FROM unnest($1::UUID[], $2::TIMESTAMPTZ[]) AS used (id, expire_time)
                JOIN sessions AS session ON session.id = used.id
                ORDER BY session.id
                FOR NO KEY UPDATE OF session
            )
            UPDATE sessions AS session
            SET expire_time = GREATEST(session.expire_time, locked.expire_time)
            FROM locked
            WHERE session.id = locked.id
            "#,
            &ids,
            &times,
        )
        .execute(self.pool())
        .await?;
        Ok(())
    }

    /// Deletes sessions that ended before an instant.
    #[tracing::instrument(skip_all, name = "db.sessions.sweep", err(level = "debug"))]
    pub(crate) async fn sweep_sessions(&self, before: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!("DELETE FROM sessions WHERE expire_time < $1", before)
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
