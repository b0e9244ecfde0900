//! Rows as messages.

use postbreeze_proto::{
    time::to_proto,
    v1::{AccountStatus as Wire, SocialAccount},
};

use crate::{account::AccountStatus, error::Error, store::accounts::AccountRow};

/// An account as clients see it.
pub(super) fn account(row: AccountRow) -> Result<SocialAccount, Error> {
    Ok(SocialAccount {
        id: row.id.to_string(),
        workspace_id: row.workspace_id.to_string(),
        platform: row.platform.into(),
        external_id: row.external_id,
        handle: row.handle,
        display_name: row.display_name,
        avatar_url: row.avatar_url,
        status: status(&row.status)?.into(),
        scopes: row.scopes,
        connect_time: Some(to_proto(row.connect_time)),
        token_expire_time: row.token_expire_time.map(to_proto),
    })
}

/// The wire's status of a stored one.
pub(super) fn status(name: &str) -> Result<Wire, Error> {
    Ok(match AccountStatus::parse(name).ok_or(Error::Unreadable("account status"))? {
        AccountStatus::Active => Wire::Active,
        AccountStatus::TokenExpired => Wire::TokenExpired,
        AccountStatus::Revoked => Wire::Revoked,
        AccountStatus::Disconnected => Wire::Disconnected,
    })
}
