//! What nobody of a team can bring about: rows of the databases.

use chrono::{DateTime, Utc};
use postbreeze_ids::{Comment, Event, Id, Webhook, WorkspaceId};
use postbreeze_proto::v1::Platform;

use super::{Place, SandboxCall, World, uuid_of};

impl World {
    /// A comment as a network would have brought it.
    pub(crate) async fn comment(&self, place: &Place) -> String {
        self.comment_of(place, self.system.clock.now()).await
    }

    /// A comment that was written at some time, and has come now.
    pub(crate) async fn comment_of(&self, place: &Place, written: DateTime<Utc>) -> String {
        let workspace_id: WorkspaceId = place.workspace_id.parse().unwrap();
        let id = self.minter.mint::<Comment>(workspace_id.bucket());
        let account = uuid_of::<postbreeze_ids::Account>(&place.account_id);
        let now = self.system.clock.now();
        let post = self.sandbox_post(place).await;
        sqlx::query(
            "WITH comment AS (
                INSERT INTO comments (
                    bucket, id, workspace_id, account_id, platform, external_id, author_handle,
                    author_display_name, author_avatar_url, body, network_time, create_time, external_post_id
                )
                VALUES ($1, $2, $3, $4, $5, $6, 'ann', 'Ann', '', 'hello', $7, $9, $8)
            )
            INSERT INTO comment_heads AS head (bucket, workspace_id, last_time, last_id)
            VALUES ($1, $3, $7, $2)
            ON CONFLICT (bucket, workspace_id) DO UPDATE
            SET last_time = excluded.last_time, last_id = excluded.last_id
            WHERE (head.last_time, head.last_id) < (excluded.last_time, excluded.last_id)",
        )
        .bind(workspace_id.bucket().as_i16())
        .bind(id.uuid())
        .bind(workspace_id.uuid())
        .bind(account)
        .bind(i16::try_from(i32::from(Platform::Sandbox)).unwrap())
        .bind(id.to_string())
        .bind(written)
        .bind(post)
        .bind(now)
        .execute(self.system.pool("posts"))
        .await
        .unwrap();
        id.to_string()
    }
    /// A webhook with deliveries that were given up.
    pub(crate) async fn webhook(&self, place: &Place) -> String {
        let workspace_id: WorkspaceId = place.workspace_id.parse().unwrap();
        let bucket = workspace_id.bucket();
        let id = self.minter.mint::<Webhook>(bucket);
        let events: Vec<Id<Event>> = (0..4).map(|_| self.minter.mint(bucket)).collect();
        sqlx::query(
            "WITH webhook AS (
                INSERT INTO webhooks (
                    bucket, id, workspace_id, display_name, url, event_kinds, enabled, enable_time, create_time,
                    update_time
                )
                VALUES ($1, $2, $3, 'mine', 'https://hooks.invalid/', '{post.failed}', TRUE, $5, $5, $5)
            ),
            secret AS (
                INSERT INTO webhook_secrets (bucket, webhook_id, number, shown, sealed, create_time)
                VALUES ($1, $2, 1, 'abcdefgh', '', $5)
            )
            INSERT INTO webhook_deliveries (
                bucket, webhook_id, event_id, workspace_id, kind, status, give_up_time, create_time
            )
            SELECT $1, $2, event_id, $3, 'post.failed', 'dead', $5, $5
            FROM unnest($4::UUID[]) AS event (event_id)",
        )
        .bind(bucket.as_i16())
        .bind(id.uuid())
        .bind(workspace_id.uuid())
        .bind(events.iter().map(|event| event.uuid()).collect::<Vec<_>>())
        .bind(self.system.clock.now())
        .execute(self.system.pool("posts"))
        .await
        .unwrap();
        *self.event.borrow_mut() = events[0].to_string();
        id.to_string()
    }
    /// A post that the network inside the system has.
    pub(crate) async fn sandbox_post(&self, place: &Place) -> String {
        let account: postbreeze_ids::AccountId = place.account_id.parse().unwrap();
        let id = self.minter.mint::<SandboxCall>(account.bucket());
        sqlx::query(
            "INSERT INTO sandbox_calls (
                bucket, id, account_id, kind, key, text, accepted, fault, external_post_id,
                media_content_types, create_time
            )
            VALUES ($1, $2, $3, 1, 'key', 'text', TRUE, 0, '', '{}', $4)",
        )
        .bind(account.bucket().as_i16())
        .bind(id.uuid())
        .bind(account.uuid())
        .bind(self.system.clock.now())
        .execute(self.system.pool("accounts"))
        .await
        .unwrap();
        id.to_string()
    }
}
