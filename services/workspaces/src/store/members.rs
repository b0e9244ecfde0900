//! `members`.

use chrono::{DateTime, Utc};
use postbreeze_context::{Admitted, Role};
use postbreeze_ids::{MemberId, UserId, WorkspaceId};
use sqlx::PgExecutor;
use uuid::Uuid;

use super::{Change, Store, Team, stored::StoredRole};
use crate::member::grantable;

/// A membership.
#[derive(Debug, Clone)]
pub(crate) struct MemberRow {
    pub(crate) id: MemberId,
    pub(crate) workspace_id: WorkspaceId,
    pub(crate) user_id: UserId,
    pub(crate) role: StoredRole,
    pub(crate) create_time: DateTime<Utc>,
}

impl Store {
    /// The living workspaces of a user, with the role in each, in id order.
    #[tracing::instrument(skip_all, name = "db.members.reach", err(level = "debug"))]
    pub(crate) async fn reach(
        &self,
        user_id: UserId,
    ) -> Result<Vec<(WorkspaceId, Role)>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let rows = sqlx::query!(
            r#"
            SELECT
                workspace_id AS "workspace_id: WorkspaceId",
                role AS "role: StoredRole"
            FROM members
            WHERE user_id = $1
                AND living
            ORDER BY workspace_id
            "#,
            user_id as UserId,
        )
        .fetch_all(lease.connection())
        .await;
        Ok(lease.end(rows)?.into_iter().map(|row| (row.workspace_id, row.role.0)).collect())
    }

    /// The membership of a user in a workspace that the caller may read.
    pub(crate) async fn member<T>(
        &self,
        admitted: &Admitted<T>,
        user_id: UserId,
    ) -> Result<Option<MemberRow>, sqlx::Error> {
        find_member(self.pool(), admitted.workspace_id(), user_id).await
    }

    /// At most `limit` members of a workspace, newest first, after a membership.
    #[tracing::instrument(skip_all, name = "db.members.list", err(level = "debug"))]
    pub(crate) async fn members<T>(
        &self,
        admitted: &Admitted<T>,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<MemberRow>, sqlx::Error> {
        let workspace_id = admitted.workspace_id();
        sqlx::query_as!(
            MemberRow,
            r#"
            SELECT
                id AS "id: MemberId",
                workspace_id AS "workspace_id: WorkspaceId",
                user_id AS "user_id: UserId",
                role AS "role: StoredRole",
                create_time
            FROM members
            WHERE bucket = $1
                AND workspace_id = $2
                AND id < $3
            ORDER BY id DESC
            LIMIT $4
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
            after.unwrap_or(Uuid::max()),
            limit,
        )
        .fetch_all(self.pool())
        .await
    }
}

/// The membership of a user in a workspace, if there is one.
#[tracing::instrument(skip_all, name = "db.members.get", err(level = "debug"))]
async fn find_member(
    database: impl PgExecutor<'_>,
    workspace_id: WorkspaceId,
    user_id: UserId,
) -> Result<Option<MemberRow>, sqlx::Error> {
    sqlx::query_as!(
        MemberRow,
        r#"
        SELECT
            id AS "id: MemberId",
            workspace_id AS "workspace_id: WorkspaceId",
            user_id AS "user_id: UserId",
            role AS "role: StoredRole",
            create_time
        FROM members
        WHERE bucket = $1
            AND workspace_id = $2
            AND user_id = $3
        "#,
        workspace_id.bucket().as_i16(),
        workspace_id as WorkspaceId,
        user_id as UserId,
    )
    .fetch_optional(database)
    .await
}

impl Change {
    /// Writes the first member of a new workspace: its owner.
    pub(crate) async fn insert_owner(self, row: &MemberRow) -> Result<Self, sqlx::Error> {
        let mut team = Team { transaction: self.transaction, workspace_id: row.workspace_id };
        team.insert_member(row).await?;
        Ok(team.into_change())
    }
}

impl Team {
    /// The membership of a user, if there is one.
    pub(crate) async fn member(
        &mut self,
        user_id: UserId,
    ) -> Result<Option<MemberRow>, sqlx::Error> {
        find_member(&mut *self.transaction, self.workspace_id, user_id).await
    }

    /// Adds a member.
    #[tracing::instrument(skip_all, name = "db.members.insert", err(level = "debug"))]
    pub(crate) async fn insert_member(&mut self, row: &MemberRow) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            INSERT INTO members (bucket, id, workspace_id, user_id, role, create_time)
            VALUES ($1, $2, $3, $4, $5, $6)
            ",
            self.workspace_id.bucket().as_i16(),
            row.id as MemberId,
            self.workspace_id as WorkspaceId,
            row.user_id as UserId,
            row.role.0.as_str(),
            row.create_time,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// Gives a member another role, and revokes the pending invitations of theirs that the new role may not grant.
    #[tracing::instrument(skip_all, name = "db.members.update", err(level = "debug"))]
    pub(crate) async fn set_role(
        &mut self,
        member: &MemberRow,
        role: Role,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            UPDATE members
            SET role = $3
            WHERE bucket = $1
                AND id = $2
            ",
            self.workspace_id.bucket().as_i16(),
            member.id as MemberId,
            role.as_str(),
        )
        .execute(&mut *self.transaction)
        .await?;
        self.revoke_invitations_of(member.user_id, &grantable(Some(role)), now).await
    }

    /// Ends a membership, and revokes the member's pending invitations.
    #[tracing::instrument(skip_all, name = "db.members.delete", err(level = "debug"))]
    pub(crate) async fn delete_member(
        &mut self,
        member: &MemberRow,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            DELETE FROM members
            WHERE bucket = $1
                AND id = $2
            ",
            self.workspace_id.bucket().as_i16(),
            member.id as MemberId,
        )
        .execute(&mut *self.transaction)
        .await?;
        self.revoke_invitations_of(member.user_id, &grantable(None), now).await
    }
}
