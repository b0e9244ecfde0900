//! All SQL. Statements go through [`Store`]; everything that changes something goes through [`Change`], one transaction, and
//! what changes who may do what also through [`Team`], which holds the lock of the workspace.

mod invitations;
mod log;
mod members;
mod stored;
mod subscriptions;
mod workspaces;

use chrono::{DateTime, Utc};
use postbreeze_context::Admitted;
use postbreeze_idempotency::{self as idempotency, Key};
use postbreeze_ids::WorkspaceId;
use postbreeze_runtime::postgres::{Database, Statements};
use prost::Message;
use sqlx::{PgPool, PgTransaction};

use crate::error::Error;

pub(crate) use invitations::InvitationRow;
pub(crate) use log::LogRow;
pub(crate) use members::MemberRow;
pub(crate) use stored::StoredRole;
pub(crate) use subscriptions::SubscriptionRow;
pub(crate) use workspaces::{WorkspaceChanges, WorkspaceRow};

/// The database of this service.
#[derive(Clone)]
pub(crate) struct Store {
    database: Database,
    statements: Statements,
}

/// One transaction. An effect owns it and hands it back to be committed; otherwise it is rolled back.
pub(crate) struct Change {
    transaction: PgTransaction<'static>,
}

/// A living workspace in a transaction that holds its lock: nobody else changes its team meanwhile.
pub(crate) struct Team {
    transaction: PgTransaction<'static>,
    workspace_id: WorkspaceId,
}

impl Store {
    pub(crate) fn new(database: &Database) -> Self {
        Self { database: database.with_short_locks(), statements: database.statements().clone() }
    }

    /// The connections, for transactions and what is not read often.
    fn pool(&self) -> &PgPool {
        self.database.pool()
    }

    /// Runs an effect in one transaction and, with a key, keeps its answer; a request answered before gets that answer.
    pub(crate) async fn once<M, F>(
        &self,
        key: Option<&Key>,
        now: DateTime<Utc>,
        effect: impl FnOnce(Change) -> F,
    ) -> Result<M, Error>
    where
        M: Message + Default,
        F: Future<Output = Result<(Change, M), Error>>,
    {
        idempotency::once(self.pool(), key, now, async |transaction| {
            let (change, answer) = effect(Change { transaction }).await?;
            Ok((change.transaction, answer))
        })
        .await
    }

    /// As [`Self::once`], for an answer of which `redact` makes what is kept.
    pub(crate) async fn once_redacted<M, F>(
        &self,
        key: Option<&Key>,
        now: DateTime<Utc>,
        redact: impl FnOnce(&M) -> M,
        effect: impl FnOnce(Change) -> F,
    ) -> Result<M, Error>
    where
        M: Message + Default,
        F: Future<Output = Result<(Change, M), Error>>,
    {
        idempotency::once_redacted(self.pool(), key, now, redact, async |transaction| {
            let (change, answer) = effect(Change { transaction }).await?;
            Ok((change.transaction, answer))
        })
        .await
    }

    /// Runs an effect in one transaction.
    pub(crate) async fn change<M, F>(&self, effect: impl FnOnce(Change) -> F) -> Result<M, Error>
    where
        M: Message + Default,
        F: Future<Output = Result<(Change, M), Error>>,
    {
        // Without a key nothing is kept, and no time is read.
        self.once(None, DateTime::UNIX_EPOCH, effect).await
    }

    /// Deletes kept answers that are no longer kept.
    pub(crate) async fn sweep(&self, now: DateTime<Utc>) -> Result<u64, sqlx::Error> {
        idempotency::sweep(self.pool(), now).await
    }
}

impl Change {
    /// Locks the workspace that a caller was admitted to; `None` when it was deleted meanwhile.
    pub(crate) async fn lock<T>(self, admitted: &Admitted<T>) -> Result<Option<Team>, sqlx::Error> {
        self.lock_living(admitted.workspace_id()).await
    }

    /// Locks the workspace of an invitation, whose token is what admits; `None` when it was deleted.
    pub(crate) async fn lock_invited(
        self,
        invitation: &InvitationRow,
    ) -> Result<Option<Team>, sqlx::Error> {
        self.lock_living(invitation.workspace_id).await
    }

    #[tracing::instrument(skip_all, name = "db.workspaces.lock", err(level = "debug"))]
    async fn lock_living(mut self, workspace_id: WorkspaceId) -> Result<Option<Team>, sqlx::Error> {
        let found = sqlx::query!(
            "
            SELECT 1 AS one
            FROM workspaces
            WHERE bucket = $1
                AND id = $2
                AND delete_time IS NULL
            FOR UPDATE
            ",
            workspace_id.bucket().as_i16(),
            workspace_id as WorkspaceId,
        )
        .fetch_optional(&mut *self.transaction)
        .await?;
        Ok(found.map(|_| Team { transaction: self.transaction, workspace_id }))
    }
}

impl Team {
    /// The transaction, to be committed.
    pub(crate) fn into_change(self) -> Change {
        Change { transaction: self.transaction }
    }
}
