//! The gate. A row found by id is a [`Claim`]: its content is reachable only through [`WorkspaceContext::admit`], which
//! checks reach, permission and role in one place, in the contract's order.

use std::{ops::Deref, sync::Arc};

use postbreeze_ids::{UserId, WorkspaceId};

use crate::{Action, Caller, Denied, Reach, Role, Scope};

/// A row of some workspace that nobody has been admitted to yet.
pub struct Claim<T> {
    workspace_id: WorkspaceId,
    row: T,
}

impl<T> Claim<T> {
    /// Seals a row. Stores do this with every row that they find by an id from outside.
    #[must_use]
    pub fn new(workspace_id: WorkspaceId, row: T) -> Self {
        Self { workspace_id, row }
    }
}

impl Claim<()> {
    /// A claim to act on a workspace that a request names.
    #[must_use]
    pub fn on(workspace_id: WorkspaceId) -> Self {
        Self::new(workspace_id, ())
    }
}

/// A row whose workspace the caller may act on in the way that was asked. Stores write only what was admitted.
#[derive(Debug, Clone)]
pub struct Admitted<T> {
    workspace_id: WorkspaceId,
    role: Role,
    row: T,
}

impl<T> Admitted<T> {
    /// The row's workspace.
    #[must_use]
    pub fn workspace_id(&self) -> WorkspaceId {
        self.workspace_id
    }

    /// The caller's role there.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The row itself.
    #[must_use]
    pub fn into_row(self) -> T {
        self.row
    }
}

impl<T> Deref for Admitted<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.row
    }
}

/// The one value a handler gets: the caller and its reach, resolved by the server.
#[derive(Debug, Clone)]
pub struct WorkspaceContext {
    caller: Caller,
    reach: Arc<Reach>,
}

impl WorkspaceContext {
    /// A context; only the interceptor makes one in a service.
    #[must_use]
    pub fn new(caller: Caller, reach: Arc<Reach>) -> Self {
        Self { caller, reach }
    }

    /// The context that the interceptor put into a request.
    ///
    /// # Errors
    /// An internal error when a handler is served without the interceptor.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<Self, tonic::Status> {
        request.extensions().get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a handler was called without a context");
            postbreeze_proto::status::internal()
        })
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The user who calls.
    ///
    /// # Errors
    /// [`Denied::SessionRequired`] when no user does.
    pub fn user_id(&self) -> Result<UserId, Denied> {
        self.caller.user_id().ok_or(Denied::SessionRequired)
    }

    /// The workspaces in reach.
    #[must_use]
    pub fn reach(&self) -> &Reach {
        &self.reach
    }

    /// Opens a claim.
    ///
    /// # Errors
    /// The first that applies of out of reach, read-only key, insufficient role.
    pub fn admit<T>(&self, claim: Claim<T>, action: Action) -> Result<Admitted<T>, Denied> {
        let Claim { workspace_id, row } = claim;
        #[cfg(feature = "sabotage")]
        if postbreeze_runtime::sabotage::is_broken(
            postbreeze_runtime::sabotage::Mechanism::Isolation,
        ) {
            return Ok(Admitted { workspace_id, role: Role::Owner, row });
        }
        let role = self.reach.role_in(workspace_id).ok_or(Denied::OutOfReach)?;
        if self.caller.is_read_only() && !action.only_reads() {
            return Err(Denied::ReadOnly);
        }
        if !action.is_allowed_to(role) {
            return Err(Denied::RoleInsufficient);
        }
        Ok(Admitted { workspace_id, role, row })
    }

    /// The workspaces a list may show: the one it names, or all in reach.
    ///
    /// # Errors
    /// [`Denied::OutOfReach`] when the named one is not in reach.
    pub fn scope(&self, workspace_id: Option<WorkspaceId>) -> Result<Scope, Denied> {
        match workspace_id {
            None => Ok(Scope(self.reach.iter().map(|(id, _)| id).collect())),
            Some(id) => self.admit(Claim::on(id), Action::Read).map(|_| Scope(vec![id])),
        }
    }

    /// Checks what needs no workspace but changes something, as `CreateWorkspace` does.
    ///
    /// # Errors
    /// [`Denied::ReadOnly`] for a read-only key.
    pub fn admit_write(&self) -> Result<(), Denied> {
        if self.caller.is_read_only() { Err(Denied::ReadOnly) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::{Id, KeyId};
    use uuid::Uuid;

    use super::*;
    use crate::Permission;

    fn context(role: Role, permission: Permission) -> (WorkspaceContext, WorkspaceId) {
        let workspace_id = Id::from_uuid(Uuid::from_u128(7));
        let caller = Caller::Key {
            user_id: Id::from_uuid(Uuid::from_u128(1)),
            key_id: KeyId::from_uuid(Uuid::from_u128(2)),
            permission,
            scoped: false,
            expire_time: None,
        };
        let reach = Arc::new(Reach::new(vec![(workspace_id, role)]));
        (WorkspaceContext::new(caller, reach), workspace_id)
    }

    #[test]
    fn admit_checks_reach_then_permission_then_role() {
        let (context, workspace_id) = context(Role::ClientReviewer, Permission::ReadOnly);
        let elsewhere = Id::from_uuid(Uuid::from_u128(8));
        let refused = |id, action| context.admit(Claim::on(id), action).err();
        assert_eq!(refused(elsewhere, Action::WritePosts), Some(Denied::OutOfReach));
        assert_eq!(refused(workspace_id, Action::WritePosts), Some(Denied::ReadOnly));
        assert_eq!(refused(workspace_id, Action::Read), None);
    }

    #[test]
    fn admit_refuses_an_insufficient_role() {
        let (context, workspace_id) = context(Role::ClientReviewer, Permission::ReadWrite);
        let refused = context.admit(Claim::on(workspace_id), Action::WritePosts).err();
        assert_eq!(refused, Some(Denied::RoleInsufficient));
    }
}
