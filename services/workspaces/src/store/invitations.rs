//! `invitations` and `invitation_tokens`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Claim, Role};
use postbreeze_ids::{InvitationId, UserId, WorkspaceId};
use uuid::Uuid;

use super::{Store, Team, stored::StoredRole};
use crate::invitation::{Status, TokenHash};

/// An invitation.
#[derive(Debug, Clone)]
pub(crate) struct InvitationRow {
    pub(crate) id: InvitationId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) email: String,
    pub(crate) role: StoredRole,
    pub(crate) status: Status,
    pub(crate) inviter_user_id: UserId,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) expire_time: DateTime<Utc>,
}

/// The statement's columns are the same in each; sqlx checks literals only.
macro_rules! select_invitation {
    ($rest:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            InvitationRow,
            r#"
            SELECT
                i.id AS "id: InvitationId",
                i.workspace_id AS "workspace_id: WorkspaceId",
                i.email,
                i.role AS "role: StoredRole",
                i.status AS "status: Status",
                i.inviter_user_id AS "inviter_user_id: UserId",
                i.create_time,
                i.expire_time
            "# + $rest,
            $($argument),+
        )
    };
}

impl Store {
    /// An invitation by its id.
    #[tracing::instrument(skip_all, name = "db.invitations.get", err(level = "debug"))]
    pub(crate) async fn invitation(
        &self,
        id: InvitationId,
    ) -> Result<Option<Claim<InvitationRow>>, sqlx::Error> {
        let row = select_invitation!(
            "
            FROM invitations i
            WHERE i.bucket = $1
                AND i.id = $2
            ",
            id.bucket().as_i16(),
            id as InvitationId,
        )
        .fetch_optional(self.pool())
        .await?;
        Ok(row.map(|row| Claim::new(row.workspace_id, row)))
    }

    /// The invitation of a token. No claim: who holds the token may read it, and a member they are not yet.
    #[tracing::instrument(skip_all, name = "db.invitation_tokens.get", err(level = "debug"))]
    pub(crate) async fn invitation_of_token(
        &self,
        hash: &TokenHash,
    ) -> Result<Option<InvitationRow>, sqlx::Error> {
        select_invitation!(
            "
            FROM invitation_tokens t
            JOIN invitations i
                ON i.bucket = t.bucket
                AND i.id = t.invitation_id
            WHERE t.token_hash = $1
            ",
            hash.as_slice(),
        )
        .fetch_optional(self.pool())
        .await
    }

    /// At most `limit` pending invitations of a workspace that have not expired, newest first, after one.
    #[tracing::instrument(skip_all, name = "db.invitations.list", err(level = "debug"))]
    pub(crate) async fn pending_invitations<T>(
        &self,
        admitted: &Admitted<T>,
        now: DateTime<Utc>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<InvitationRow>, sqlx::Error> {
        let workspace_id = admitted.workspace_id();
        select_invitation!(
            "
            FROM invitations i
            WHERE i.bucket = $1
                AND i.workspace_id = $2
                AND i.status = 'pending'
                AND i.expire_time > $3
                AND i.id < $4
            ORDER BY i.id DESC
            LIMIT $5
            ",
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            now,
            after.unwrap_or(Uuid::max()),
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}

impl Team {
    /// An invitation of this workspace as this transaction sees it.
    #[tracing::instrument(skip_all, name = "db.invitations.get", err(level = "debug"))]
    pub(crate) async fn invitation(
        &mut self,
        id: InvitationId,
    ) -> Result<InvitationRow, sqlx::Error> {
        select_invitation!(
            "
            FROM invitations i
            WHERE i.bucket = $1
                AND i.id = $2
                AND i.workspace_id = $3
            ",
            id.bucket().as_i16(),
            id as InvitationId,
            self.workspace_id as WorkspaceId,
        )
        .fetch_one(&mut *self.transaction)
        .await
    }

    /// Writes an invitation and the hash of its token.
    #[tracing::instrument(skip_all, name = "db.invitations.insert", err(level = "debug"))]
    pub(crate) async fn insert_invitation(
        &mut self,
        row: &InvitationRow,
        hash: &TokenHash,
    ) -> Result<(), sqlx::Error> {
        let bucket = row.id.bucket().as_i16();
        sqlx::query!(
            "
            INSERT INTO invitations (
                bucket,
                id,
                workspace_id,
                email,
                role,
                status,
                inviter_user_id,
                create_time,
                expire_time
            )
            VALUES ($1, $2, $3, $4, $5, 'pending', $6, $7, $8)
            ",
            bucket,
            row.id as InvitationId,
            self.workspace_id as WorkspaceId,
            row.email,
            row.role.0.as_str(),
            row.inviter_user_id as UserId,
            row.create_time,
            row.expire_time,
        )
        .execute(&mut *self.transaction)
        .await?;
        sqlx::query!(
            "
            INSERT INTO invitation_tokens (token_hash, bucket, invitation_id)
            VALUES ($1, $2, $3)
            ",
            hash.as_slice(),
            bucket,
            row.id as InvitationId,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Marks a pending invitation accepted.
    #[tracing::instrument(skip_all, name = "db.invitations.accept", err(level = "debug"))]
    pub(crate) async fn accept_invitation(
        &mut self,
        id: InvitationId,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            UPDATE invitations
            SET status = 'accepted',
                settle_time = $3
            WHERE bucket = $1
                AND id = $2
                AND status = 'pending'
            ",
            id.bucket().as_i16(),
            id as InvitationId,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Takes back the pending invitations of this workspace: the one of an address, or all.
    #[tracing::instrument(skip_all, name = "db.invitations.revoke", err(level = "debug"))]
    pub(crate) async fn revoke_invitations(
        &mut self,
        email: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            UPDATE invitations
            SET status = 'revoked',
                settle_time = $4
            WHERE bucket = $1
                AND workspace_id = $2
                AND status = 'pending'
                AND email = COALESCE($3, email)
            ",
            self.workspace_id.bucket().as_i16(),
            self.workspace_id as WorkspaceId,
            email,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Revokes the pending invitations that a user has sent, but those for a role that the user may still grant.
    #[tracing::instrument(skip_all, name = "db.invitations.revoke_of", err(level = "debug"))]
    pub(super) async fn revoke_invitations_of(
        &mut self,
        inviter_user_id: UserId,
        still_granted: &[Role],
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let still_granted: Vec<String> =
            still_granted.iter().map(|role| role.as_str().to_owned()).collect();
        sqlx::query!(
            "
            UPDATE invitations
            SET status = 'revoked',
                settle_time = $5
            WHERE bucket = $1
                AND workspace_id = $2
                AND inviter_user_id = $3
                AND status = 'pending'
                AND role <> ALL($4)
            ",
            self.workspace_id.bucket().as_i16(),
            self.workspace_id as WorkspaceId,
            inviter_user_id as UserId,
            &still_granted,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
