//! `workspaces` and `workspace_slugs`.

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_ids::{UserId, WorkspaceId};

use super::{Change, Store, Team};

/// A living workspace.
#[derive(Debug, Clone)]
pub(crate) struct WorkspaceRow {
    pub(crate) id: WorkspaceId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) timezone: String,
    pub(crate) brand_color: String,
    pub(crate) logo_url: String,
    pub(crate) require_approval: bool,
    pub(crate) owner_user_id: UserId,
    pub(crate) create_time: DateTime<Utc>,
    pub(crate) update_time: DateTime<Utc>,
}

/// New values; `None` leaves the old one.
#[derive(Debug, Default)]
pub(crate) struct WorkspaceChanges {
    pub(crate) name: Option<String>,
    pub(crate) timezone: Option<String>,
    pub(crate) brand_color: Option<String>,
    pub(crate) logo_url: Option<String>,
    pub(crate) require_approval: Option<bool>,
}

impl WorkspaceChanges {
    /// Whether nothing is to be changed.
    pub(crate) fn is_empty(&self) -> bool {
        self.name.is_none()
            && self.timezone.is_none()
            && self.brand_color.is_none()
            && self.logo_url.is_none()
            && self.require_approval.is_none()
    }
}

impl Store {
    /// A workspace; `None` when it was deleted after the caller was admitted.
    pub(crate) async fn workspace<T>(
        &self,
        admitted: &Admitted<T>,
    ) -> Result<Option<WorkspaceRow>, sqlx::Error> {
        Ok(self.workspaces(&[admitted.workspace_id()]).await?.pop())
    }

    /// These workspaces in the order of their ids, without those deleted meanwhile. The ids are of the caller's reach.
    #[tracing::instrument(skip_all, name = "db.workspaces.list", err(level = "debug"))]
    pub(crate) async fn workspaces(
        &self,
        ids: &[WorkspaceId],
    ) -> Result<Vec<WorkspaceRow>, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        sqlx::query_as!(
            WorkspaceRow,
            r#"
            SELECT
                w.id AS "id: WorkspaceId",
                w.slug,
                w.name,
                w.timezone,
                w.brand_color,
                w.logo_url,
                w.require_approval,
                o.user_id AS "owner_user_id: UserId",
                w.create_time,
                w.update_time
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN workspaces w
                ON w.bucket = wanted.bucket
                AND w.id = wanted.id
                AND w.delete_time IS NULL
            JOIN members o
                ON o.bucket = w.bucket
                AND o.workspace_id = w.id
                AND o.role = 'owner'
            ORDER BY w.id
            "#,
            &buckets,
            ids as &[WorkspaceId],
        )
        .fetch_all(self.pool())
        .await
    }

    /// The names of those of these workspaces that live and that a user is a member of, in the order of their ids.
    #[tracing::instrument(skip_all, name = "db.workspaces.names", err(level = "debug"))]
    pub(crate) async fn names_for(
        &self,
        user_id: UserId,
        ids: &[WorkspaceId],
    ) -> Result<Vec<(WorkspaceId, String)>, sqlx::Error> {
        let buckets: Vec<i16> = ids.iter().map(|id| id.bucket().as_i16()).collect();
        let mut lease = self.statements.lease().await?;
        let rows = sqlx::query!(
            r#"
            SELECT
                w.id AS "id: WorkspaceId",
                w.name
            FROM unnest($1::SMALLINT[], $2::UUID[]) AS wanted (bucket, id)
            JOIN workspaces w
                ON w.bucket = wanted.bucket
                AND w.id = wanted.id
                AND w.delete_time IS NULL
            JOIN members m
                ON m.bucket = w.bucket
                AND m.workspace_id = w.id
                AND m.user_id = $3
            ORDER BY w.id
            "#,
            &buckets,
            ids as &[WorkspaceId],
            user_id as UserId,
        )
        .fetch_all(lease.connection())
        .await;
        Ok(lease.end(rows)?.into_iter().map(|row| (row.id, row.name)).collect())
    }

    /// The owner of a living workspace, and whether an editor's posts need approval there.
    #[tracing::instrument(skip_all, name = "db.workspaces.get_terms", err(level = "debug"))]
    pub(crate) async fn owner_and_approval(
        &self,
        workspace_id: WorkspaceId,
    ) -> Result<Option<(UserId, bool)>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query!(
            r#"
            SELECT
                o.user_id AS "user_id: UserId",
                w.require_approval
            FROM workspaces w
            JOIN members o
                ON o.bucket = w.bucket
                AND o.workspace_id = w.id
                AND o.role = 'owner'
            WHERE w.bucket = $1
                AND w.id = $2
                AND w.delete_time IS NULL
            "#,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
        )
        .fetch_optional(lease.connection())
        .await;
        Ok(lease.end(found)?.map(|row| (row.user_id, row.require_approval)))
    }
}

impl Change {
    /// Takes a slug, for ever. Answers whether it was free.
    #[tracing::instrument(skip_all, name = "db.workspace_slugs.insert", err(level = "debug"))]
    pub(crate) async fn take_slug(
        &mut self,
        slug: &str,
        workspace_id: WorkspaceId,
    ) -> Result<bool, sqlx::Error> {
        let done = sqlx::query!(
            "
            INSERT INTO workspace_slugs (slug, bucket, workspace_id)
            VALUES ($1, $2, $3)
            ON CONFLICT (slug) DO NOTHING
            ",
            slug,
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(done.rows_affected() == 1)
    }

    /// Writes a new workspace, whose slug was taken. It lives once its owner is a member.
    #[tracing::instrument(skip_all, name = "db.workspaces.insert", err(level = "debug"))]
    pub(crate) async fn insert_workspace(&mut self, row: &WorkspaceRow) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            INSERT INTO workspaces (
                bucket,
                id,
                slug,
                name,
                timezone,
                brand_color,
                logo_url,
                require_approval,
                create_time,
                update_time
            )
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ",
            row.id.bucket().as_i16(),
            row.id as WorkspaceId,
            row.slug,
            row.name,
            row.timezone,
            row.brand_color,
            row.logo_url,
            row.require_approval,
            row.create_time,
            row.update_time,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}

impl Team {
    /// Changes the workspace's own fields.
    #[tracing::instrument(skip_all, name = "db.workspaces.update", err(level = "debug"))]
    pub(crate) async fn update_workspace(
        &mut self,
        changes: &WorkspaceChanges,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            UPDATE workspaces
            SET name = COALESCE($3, name),
                timezone = COALESCE($4, timezone),
                brand_color = COALESCE($5, brand_color),
                logo_url = COALESCE($6, logo_url),
                require_approval = COALESCE($7, require_approval),
                update_time = $8
            WHERE bucket = $1
                AND id = $2
            ",
            self.workspace_id.bucket().as_i16(),
            self.workspace_id as WorkspaceId,
            changes.name.as_deref(),
            changes.timezone.as_deref(),
            changes.brand_color.as_deref(),
            changes.logo_url.as_deref(),
            changes.require_approval,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }

    /// The workspace as this transaction sees it.
    #[tracing::instrument(skip_all, name = "db.workspaces.get", err(level = "debug"))]
    pub(crate) async fn workspace(&mut self) -> Result<WorkspaceRow, sqlx::Error> {
        sqlx::query_as!(
            WorkspaceRow,
            r#"
            SELECT
                w.id AS "id: WorkspaceId",
                w.slug,
                w.name,
                w.timezone,
                w.brand_color,
                w.logo_url,
                w.require_approval,
                o.user_id AS "owner_user_id: UserId",
                w.create_time,
                w.update_time
            FROM workspaces w
            JOIN members o
                ON o.bucket = w.bucket
                AND o.workspace_id = w.id
                AND o.role = 'owner'
            WHERE w.bucket = $1
                AND w.id = $2
            "#,
            self.workspace_id.bucket().as_i16(),
            self.workspace_id as WorkspaceId,
        )
        .fetch_one(&mut *self.transaction)
        .await
    }

    /// Marks the workspace deleted: from the commit on it is in nobody's reach.
    #[tracing::instrument(skip_all, name = "db.workspaces.delete", err(level = "debug"))]
    pub(crate) async fn delete_workspace(&mut self, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
        sqlx::query!(
            "
            WITH reached AS (
                UPDATE members
                SET living = FALSE
                WHERE bucket = $1
                    AND workspace_id = $2
            )
            UPDATE workspaces
            SET delete_time = $3
            WHERE bucket = $1
                AND id = $2
            ",
            self.workspace_id.bucket().as_i16(),
            self.workspace_id as WorkspaceId,
            now,
        )
        .execute(&mut *self.transaction)
        .await?;
        Ok(())
    }
}
