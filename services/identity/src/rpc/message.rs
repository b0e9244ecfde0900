//! Rows as messages.

use chrono::{DateTime, Utc};
use postbreeze_proto::{
    internal::v1::Profile,
    time::to_proto,
    v1::{ApiKey, FullAccess, KeyPermission, KeySecret, ScopedAccess, User, api_key::Access},
};

use crate::store::{keys::Key, users::UserRow};

/// A user as the user sees it.
pub(super) fn user(row: UserRow) -> User {
    User {
        id: row.id.to_string(),
        email: row.email,
        display_name: row.display_name,
        create_time: Some(to_proto(row.create_time)),
    }
}

/// A user as other members see it.
pub(super) fn profile(row: UserRow) -> Profile {
    Profile { user_id: row.id.to_string(), email: row.email, display_name: row.display_name }
}

/// A key with the secrets that live at an instant: none once it is revoked.
pub(super) fn api_key(key: Key, now: DateTime<Utc>) -> ApiKey {
    let Key { row, secrets, workspaces } = key;
    let access = if row.scoped {
        let workspace_ids = workspaces.iter().map(ToString::to_string).collect();
        Access::Scoped(ScopedAccess { workspace_ids })
    } else {
        Access::FullAccess(FullAccess {})
    };
    let revoked = row.revoke_time.is_some();
    let live = |expires: Option<DateTime<Utc>>| expires.is_none_or(|expires| expires > now);
    ApiKey {
        id: row.id.to_string(),
        display_name: row.display_name,
        secrets: secrets
            .into_iter()
            .filter(|secret| !revoked && live(secret.expire_time))
            .map(|secret| KeySecret {
                prefix: secret.shown,
                create_time: Some(to_proto(secret.create_time)),
                expire_time: secret.expire_time.map(to_proto),
            })
            .collect(),
        access: Some(access),
        permission: permission(row.read_only).into(),
        create_time: Some(to_proto(row.create_time)),
        last_used_time: row.last_used_time.map(to_proto),
        expire_time: row.expire_time.map(to_proto),
        revoke_time: row.revoke_time.map(to_proto),
    }
}

/// What a key may do.
pub(super) fn permission(read_only: bool) -> KeyPermission {
    if read_only { KeyPermission::ReadOnly } else { KeyPermission::ReadWrite }
}
