//! Lists of posts.

use postbreeze_context::Scope;
use postbreeze_ids::{AccountId, PostId, WorkspaceId};
use postbreeze_runtime::pages::read_page;
use uuid::Uuid;

use super::{Post, fetch_posts};
use crate::store::Store;

/// What a list shows.
#[derive(Debug, Clone, Default)]
pub struct PostFilter {
    /// Names of statuses; empty: all.
    pub statuses: Vec<String>,
    /// Numbers of platforms; empty: all.
    pub platforms: Vec<i16>,
    /// An account among the targets.
    pub account_id: Option<AccountId>,
}

impl PostFilter {
    /// Whether it shows a post as it is.
    fn shows(&self, post: &Post) -> bool {
        let status = self.statuses.is_empty() || self.statuses.contains(&post.row.status);
        let platform = self.platforms.is_empty()
            || post.targets.iter().any(|target| self.platforms.contains(&target.platform));
        let account = self
            .account_id
            .is_none_or(|id| post.targets.iter().any(|target| target.account_id == id));
        post.row.delete_time.is_none() && status && platform && account
    }
}

/// Part of a list.
#[derive(Debug, Clone)]
pub struct PostPage {
    /// Newest first.
    pub posts: Vec<Post>,
    /// Whether the list has further rows after these.
    pub more: bool,
}

impl Store {
    /// A page of the scope's posts, newest first, below an id: at most `limit`, of at most `bytes` together, one in any
    /// case. The ids come first, so that nothing is read that is not on the page.
    #[tracing::instrument(skip_all, name = "db.posts.list", err(level = "debug"))]
    pub async fn list_posts(
        &self,
        scope: &Scope,
        filter: &PostFilter,
        after: Option<Uuid>,
        limit: usize,
        bytes: i64,
    ) -> Result<PostPage, sqlx::Error> {
        let below = after.unwrap_or(Uuid::max());
        let mut ids = read_page(
            scope.ids().len(),
            below,
            limit + 1,
            |below, nth| self.post_cut(scope, below, nth),
            |below, from, limit| {
                self.post_ids(scope, filter, below, from.unwrap_or(Uuid::nil()), limit)
            },
        )
        .await?;
        let longer = ids.len() > limit;
        ids.truncate(limit);
        let mut lease = self.statements.lease().await?;
        let found = fetch_posts(lease.connection(), &ids, bytes).await;
        let mut posts = lease.end(found)?;
        let more = longer || posts.len() < ids.len();
        // What was changed since its id was read is shown only if it still belongs there.
        posts.retain(|post| filter.shows(post));
        Ok(PostPage { posts, more })
    }

    async fn post_cut(
        &self,
        scope: &Scope,
        below: Uuid,
        nth: i64,
    ) -> Result<Option<Uuid>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query_scalar!(
            r#"
            SELECT last_id
            FROM post_heads
            WHERE workspace_id = ANY($1) AND last_id < $2
            ORDER BY last_id DESC
            OFFSET $3::BIGINT - 1
            LIMIT 1
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            nth,
        )
        .fetch_optional(lease.connection())
        .await;
        lease.end(found)
    }

    async fn post_ids(
        &self,
        scope: &Scope,
        filter: &PostFilter,
        below: Uuid,
        from: Uuid,
        limit: i64,
    ) -> Result<Vec<PostId>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query_scalar!(
            r#"
            SELECT row.id AS "id!: PostId"
            FROM post_heads AS head
            CROSS JOIN LATERAL (
                SELECT post.id
                FROM posts AS post
                WHERE post.bucket = head.bucket
                    AND post.workspace_id = head.workspace_id
                    AND post.delete_time IS NULL
                    AND post.id < $2
                    AND post.id >= $3
                    AND (cardinality($4::TEXT[]) = 0 OR post.status = ANY($4))
                    AND (cardinality($5::SMALLINT[]) = 0 OR EXISTS (
                        SELECT FROM post_targets AS target
                        WHERE target.bucket = post.bucket AND target.post_id = post.id
                            AND target.platform = ANY($5)
                    ))
                    AND ($6::UUID IS NULL OR EXISTS (
                        SELECT FROM post_targets AS target
                        WHERE target.bucket = post.bucket AND target.post_id = post.id
                            AND target.account_id = $6
                    ))
                ORDER BY post.id DESC
                LIMIT $7
            ) AS row
            WHERE head.workspace_id = ANY($1) AND head.last_id >= $3
            ORDER BY row.id DESC
            LIMIT $7
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            from,
            &filter.statuses,
            &filter.platforms,
            filter.account_id as Option<AccountId>,
            limit,
        )
        .fetch_all(lease.connection())
        .await;
        lease.end(found)
    }
}
