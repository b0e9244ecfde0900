//! Who may change whose membership, beyond what the table of roles says.

use postbreeze_context::Role;

/// Why a membership cannot be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The actor's role does not reach that far.
    RoleInsufficient,
    /// It is the owner's, who must hand the workspace on first.
    OwnerMustTransfer,
}

/// Whether an owner or admin may give this role to somebody. Admins make no admins: they could not take it back.
pub(crate) fn may_grant(actor: Role, role: Role) -> Result<(), Refusal> {
    match (actor, role) {
        (Role::Owner, Role::Admin | Role::Editor | Role::ClientReviewer)
        | (Role::Admin, Role::Editor | Role::ClientReviewer) => Ok(()),
        _ => Err(Refusal::RoleInsufficient),
    }
}

/// The roles that a member of this role may give to somebody; none for a user who is no member any more.
pub(crate) fn grantable(actor: Option<Role>) -> Vec<Role> {
    let Some(actor) = actor else { return Vec::new() };
    Role::ALL.into_iter().filter(|role| may_grant(actor, *role).is_ok()).collect()
}

/// Whether an owner or admin may change or end the membership of somebody with this role.
pub(crate) fn may_change(actor: Role, target: Role) -> Result<(), Refusal> {
    match (actor, target) {
        // There is one owner, so this is the owner's own membership.
        (Role::Owner, Role::Owner) => Err(Refusal::OwnerMustTransfer),
        (Role::Owner, _) | (Role::Admin, Role::Editor | Role::ClientReviewer) => Ok(()),
        _ => Err(Refusal::RoleInsufficient),
    }
}

/// Whether a member of this role may leave.
pub(crate) fn may_leave(role: Role) -> Result<(), Refusal> {
    if role == Role::Owner { Err(Refusal::OwnerMustTransfer) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_changes_or_makes_admins_and_nobody_the_owner() {
        use Role::{Admin, ClientReviewer, Editor, Owner};
        for target in [Admin, Editor, ClientReviewer] {
            assert_eq!(may_change(Owner, target), Ok(()));
            assert_eq!(may_grant(Owner, target), Ok(()));
        }
        for target in [Editor, ClientReviewer] {
            assert_eq!(may_change(Admin, target), Ok(()));
            assert_eq!(may_grant(Admin, target), Ok(()));
        }
        assert_eq!(may_change(Owner, Owner), Err(Refusal::OwnerMustTransfer));
        for target in [Owner, Admin] {
            assert_eq!(may_change(Admin, target), Err(Refusal::RoleInsufficient));
            assert_eq!(may_grant(Admin, target), Err(Refusal::RoleInsufficient));
        }
        for actor in [Editor, ClientReviewer] {
            for target in Role::ALL {
                assert_eq!(may_change(actor, target), Err(Refusal::RoleInsufficient));
                assert_eq!(may_grant(actor, target), Err(Refusal::RoleInsufficient));
            }
        }
        assert_eq!(may_grant(Owner, Owner), Err(Refusal::RoleInsufficient));
    }

    #[test]
    fn who_has_left_grants_no_role() {
        use Role::{Admin, ClientReviewer, Editor, Owner};
        assert_eq!(grantable(Some(Owner)), [Admin, Editor, ClientReviewer]);
        assert_eq!(grantable(Some(Admin)), [Editor, ClientReviewer]);
        for actor in [Some(Editor), Some(ClientReviewer), None] {
            assert_eq!(grantable(actor), []);
        }
    }

    #[test]
    fn everyone_but_the_owner_may_leave() {
        assert_eq!(Role::ALL.map(|role| may_leave(role).is_ok()), [false, true, true, true]);
    }
}
