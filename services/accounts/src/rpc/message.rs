//! Rows, and what networks say, as messages.

use std::time::Duration;

use postbreeze_proto::{
    internal::v1::{
        self as internal, FindOutcome, NotThere, SendFailure, SendOutcome, SendUnknown, Undecided,
        find_outcome, send_outcome,
    },
    time::to_proto,
    v1::{AccountStatus as Wire, SocialAccount},
};

use crate::{
    account::AccountStatus,
    error::Error,
    networks::{Failure, Found, Outcome, Sent},
    store::accounts::AccountRow,
};

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

/// What became of a sending.
pub(super) fn outcome(outcome: Outcome) -> SendOutcome {
    let outcome = match outcome {
        Outcome::Sent(it) => send_outcome::Outcome::Sent(sent(it)),
        Outcome::Failed(it) => send_outcome::Outcome::Failed(failure(it)),
        Outcome::Unknown { code, message } => {
            send_outcome::Outcome::Unknown(SendUnknown { code, message })
        }
    };
    SendOutcome { outcome: Some(outcome) }
}

/// What a search found.
pub(super) fn found(found: Found) -> FindOutcome {
    let outcome = match found {
        Found::There(it) => find_outcome::Outcome::Found(sent(it)),
        Found::NotThere => find_outcome::Outcome::NotThere(NotThere {}),
        Found::Undecided { look_again, message, retry_after } => {
            let retry_after = retry_after.and_then(duration);
            find_outcome::Outcome::Undecided(Undecided { look_again, message, retry_after })
        }
    };
    FindOutcome { outcome: Some(outcome) }
}

/// Why a network could not be asked, or does not have it.
pub(super) fn failure(failure: Failure) -> SendFailure {
    let Failure { transient, code, message, retry_after, token: _ } = failure;
    SendFailure { transient, code, message, retry_after: retry_after.and_then(duration) }
}

fn sent(sent: Sent) -> internal::Sent {
    internal::Sent { external_id: sent.external_id, external_url: sent.external_url }
}

fn duration(duration: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(duration).ok()
}
