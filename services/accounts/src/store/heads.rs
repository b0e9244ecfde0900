//! Table `account_heads`: which workspaces can hold a page.

use postbreeze_context::Scope;
use postbreeze_ids::WorkspaceId;
use uuid::Uuid;

use super::Store;

impl Store {
    /// The `nth` highest head below an id; `None` when there are fewer.
    pub(super) async fn account_cut(
        &self,
        scope: &Scope,
        below: Uuid,
        nth: i64,
    ) -> Result<Option<Uuid>, sqlx::Error> {
        sqlx::query_scalar!(
            r#"
            SELECT last_id
            FROM account_heads
            WHERE workspace_id = ANY($1) AND last_id < $2
            ORDER BY last_id DESC
            OFFSET $3::BIGINT - 1
            LIMIT 1
            "#,
            scope.ids() as &[WorkspaceId],
            below,
            nth,
        )
        .fetch_optional(self.pool())
        .await
    }
}
