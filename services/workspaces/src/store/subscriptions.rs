//! `subscriptions`.

use chrono::{DateTime, Utc};
use postbreeze_ids::UserId;

use super::{Change, Store};
use crate::plan::Plan;

/// A plan that a user chose.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubscriptionRow {
    pub(crate) plan: Plan,
    pub(crate) update_time: DateTime<Utc>,
}

impl Store {
    /// The subscription of a user; `None` when the user never chose a plan.
    #[tracing::instrument(skip_all, name = "db.subscriptions.get", err(level = "debug"))]
    pub(crate) async fn subscription(
        &self,
        user_id: UserId,
    ) -> Result<Option<SubscriptionRow>, sqlx::Error> {
        let mut lease = self.statements.lease().await?;
        let found = sqlx::query_as!(
            SubscriptionRow,
            r#"
            SELECT
                plan AS "plan: Plan",
                update_time
            FROM subscriptions
            WHERE bucket = $1
                AND user_id = $2
            "#,
            user_id.bucket().as_i16(),
            user_id as UserId,
        )
        .fetch_optional(lease.connection())
        .await;
        lease.end(found)
    }

    /// The plan of a user.
    pub(crate) async fn plan(&self, user_id: UserId) -> Result<Plan, sqlx::Error> {
        Ok(self.subscription(user_id).await?.map(|row| row.plan).unwrap_or_default())
    }
}

impl Change {
    /// Gives a user a plan, and answers what stands afterwards. The plan already held changes nothing.
    #[tracing::instrument(skip_all, name = "db.subscriptions.upsert", err(level = "debug"))]
    pub(crate) async fn subscribe(
        &mut self,
        user_id: UserId,
        plan: Plan,
        now: DateTime<Utc>,
    ) -> Result<SubscriptionRow, sqlx::Error> {
        sqlx::query_as!(
            SubscriptionRow,
            r#"
            INSERT INTO subscriptions AS held (bucket, user_id, plan, update_time)
            VALUES ($1, $2, $3, $4)
            ON CONFLICT (bucket, user_id) DO UPDATE
            SET plan = excluded.plan,
                update_time = CASE
                    WHEN held.plan = excluded.plan THEN held.update_time
                    ELSE excluded.update_time
                END
            RETURNING
                plan AS "plan: Plan",
                update_time
            "#,
            user_id.bucket().as_i16(),
            user_id as UserId,
            plan.as_str(),
            now,
        )
        .fetch_one(&mut *self.transaction)
        .await
    }
}
