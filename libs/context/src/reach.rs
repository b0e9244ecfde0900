//! Which workspaces a caller acts on, now.

use postbreeze_ids::WorkspaceId;

use crate::Role;

/// The workspaces a caller reaches, with the role in each. Sorted by id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach(Vec<(WorkspaceId, Role)>);

impl Reach {
    /// The reach of these memberships.
    #[must_use]
    pub fn new(mut memberships: Vec<(WorkspaceId, Role)>) -> Self {
        memberships.sort_unstable_by_key(|(id, _)| *id);
        memberships.dedup_by_key(|(id, _)| *id);
        Self(memberships)
    }

    /// The reach that is left of this one under an allow-list.
    #[must_use]
    pub fn within(mut self, mut allowed: Vec<WorkspaceId>) -> Self {
        allowed.sort_unstable();
        self.0.retain(|(id, _)| allowed.binary_search(id).is_ok());
        self
    }

    /// The caller's role in a workspace; `None` when it is out of reach.
    #[must_use]
    pub fn role_in(&self, workspace_id: WorkspaceId) -> Option<Role> {
        let at = self.0.binary_search_by_key(&workspace_id, |(id, _)| *id).ok()?;
        self.0.get(at).map(|(_, role)| *role)
    }

    /// Every workspace with the role, in id order.
    pub fn iter(&self) -> impl Iterator<Item = (WorkspaceId, Role)> + '_ {
        self.0.iter().copied()
    }

    /// How many workspaces.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing is in reach.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The workspaces that a list may show: made only by [`crate::WorkspaceContext::scope`], so a store method that takes
/// one cannot be called without the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope(pub(crate) Vec<WorkspaceId>);

impl Scope {
    /// The workspaces, in id order.
    #[must_use]
    pub fn ids(&self) -> &[WorkspaceId] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use postbreeze_ids::Id;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn workspace(n: u8) -> WorkspaceId {
        Id::from_uuid(Uuid::from_u128(n.into()))
    }

    proptest! {
        #[test]
        fn a_scoped_reach_is_the_intersection(joined: Vec<u8>, allowed: Vec<u8>) {
            let reach = Reach::new(joined.iter().map(|n| (workspace(*n), Role::Editor)).collect())
                .within(allowed.iter().map(|n| workspace(*n)).collect());
            for n in 0..=u8::MAX {
                let both = joined.contains(&n) && allowed.contains(&n);
                prop_assert_eq!(reach.role_in(workspace(n)).is_some(), both);
            }
        }
    }
}
