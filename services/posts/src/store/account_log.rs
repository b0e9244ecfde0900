//! What a disconnected account leaves behind, and what webhooks are told of the log of accounts.

use chrono::{DateTime, Utc};
use postbreeze_ids::{AccountId, Minter, PostId};
use postbreeze_log_follower::Pass;

use super::{
    Store, events,
    outgoing::{lock, read, save},
};
use crate::{error::Error, event::Event};

/// Posts that one transaction deals with at the most.
const BATCH: i64 = 500;

impl Store {
    /// Marks an entry as handled, and writes down what webhooks are told of it: once, however often and by however many the
    /// entry is read.
    ///
    /// # Errors
    /// When the database fails.
    #[tracing::instrument(skip_all, name = "db.account_log.pass", err(level = "debug"))]
    pub async fn pass_account(
        &self,
        pass: Pass,
        event: Event,
        now: DateTime<Utc>,
    ) -> Result<(), sqlx::Error> {
        let mut transaction = self.begin().await?;
        if pass.mark(&mut transaction).await? {
            events::record(&mut transaction, &[event], now).await?;
        }
        transaction.commit().await
    }

    /// Deals with a disconnection: nothing is claimed for the account from now on, and what of it had not gone out is
    /// stopped. Doing it again, or going on with it, changes nothing.
    ///
    /// # Errors
    /// When the database fails or holds what this version does not know.
    #[tracing::instrument(skip_all, name = "db.account_log.disconnect", err(level = "debug"))]
    pub async fn disconnect_account(
        &self,
        account_id: AccountId,
        minter: &Minter,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        sqlx::query!(
            r#"
            INSERT INTO disconnected_accounts (bucket, account_id, disconnect_time)
            VALUES ($1, $2, $3)
            ON CONFLICT (bucket, account_id) DO NOTHING
            "#,
            account_id.bucket().as_i16(),
            account_id as AccountId,
            now,
        )
        .execute(self.pool())
        .await?;
        self.drop_account(account_id, minter, now).await
    }

    /// Ends each target that waits to be sent to an account that is gone. Drafts are left alone: nothing of them is on its way.
    ///
    /// # Errors
    /// When the database fails or holds what this version does not know.
    #[tracing::instrument(skip_all, name = "db.post_targets.drop_account", err(level = "debug"))]
    pub async fn drop_account(
        &self,
        account_id: AccountId,
        minter: &Minter,
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let mut after = PostId::MIN;
        loop {
            let found = sqlx::query!(
                r#"
                SELECT DISTINCT post_id AS "post_id: PostId"
                FROM post_targets
                WHERE bucket = $1 AND account_id = $2 AND status = 'pending' AND post_id > $3
                ORDER BY post_id
                LIMIT $4
                "#,
                account_id.bucket().as_i16(),
                account_id as AccountId,
                after as PostId,
                BATCH,
            )
            .fetch_all(self.pool())
            .await?;
            let ids: Vec<PostId> = found.into_iter().map(|row| row.post_id).collect();
            let Some(last) = ids.last() else { return Ok(()) };
            after = *last;
            let mut transaction = self.begin().await?;
            let locked = lock(&mut transaction, &ids, true).await?;
            let mut posts = read(&mut transaction, &locked, false).await?;
            for post in &mut posts {
                for place in 0..post.targets.len() {
                    if post.targets[place].account_id == account_id {
                        post.end_without_account(place);
                    }
                }
            }
            save(&mut transaction, minter, &posts, now).await?;
            transaction.commit().await?;
        }
    }
}
