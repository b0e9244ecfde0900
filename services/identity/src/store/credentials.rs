//! Whose credential a hash is: one query over `sessions`, `api_key_secrets` and `api_keys`.

use chrono::{DateTime, Utc};
use postbreeze_ids::{KeyId, UserId};
use uuid::Uuid;

use super::Store;

/// A credential as it stands in the database.
#[derive(Debug, Clone)]
pub(crate) struct CredentialRow {
    /// Whose it is.
    pub(crate) user_id: UserId,
    /// The session, if it is one.
    pub(crate) session_id: Option<Uuid>,
    /// The key, if it is one's secret.
    pub(crate) key_id: Option<KeyId>,
    /// Whether the key has an allow-list.
    pub(crate) scoped: bool,
    /// Whether the key may only read.
    pub(crate) read_only: bool,
    /// When the session, or the key, runs out.
    pub(crate) expire_time: Option<DateTime<Utc>>,
    /// When the secret's overlap ends.
    pub(crate) secret_expire_time: Option<DateTime<Utc>>,
    /// When a rotation ended the secret.
    pub(crate) secret_end_time: Option<DateTime<Utc>>,
    /// When it was taken back: signed out, or revoked.
    pub(crate) end_time: Option<DateTime<Utc>>,
}

impl Store {
    /// The credential of a hash.
    #[tracing::instrument(skip_all, name = "db.credentials.find", err(level = "debug"))]
    pub(crate) async fn find_credential(
        &self,
        hash: &[u8],
    ) -> Result<Option<CredentialRow>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query_as!(
            CredentialRow,
            r#"
            SELECT
                key.user_id AS "user_id!: UserId",
                NULL::UUID AS "session_id?",
                key.id AS "key_id?: KeyId",
                key.scoped AS "scoped!",
                key.read_only AS "read_only!",
                key.expire_time AS "expire_time?",
                secret.expire_time AS "secret_expire_time?",
                secret.end_time AS "secret_end_time?",
                key.revoke_time AS "end_time?"
            FROM api_key_secrets AS secret
            JOIN api_keys AS key ON key.bucket = secret.key_bucket AND key.id = secret.key_id
            WHERE secret.secret_hash = $1
            UNION ALL
            SELECT user_id, id, NULL, FALSE, FALSE, expire_time, NULL, NULL, sign_out_time
            FROM sessions
            WHERE secret_hash = $1
            "#,
            hash,
        )
        .fetch_optional(lease.connection())
        .await;
        lease.end(found)
    }
}
