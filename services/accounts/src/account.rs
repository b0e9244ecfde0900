//! The rules of an account's life. Pure.

/// Whether an account can publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AccountStatus {
    /// It can.
    Active,
    /// Its token has run out.
    TokenExpired,
    /// The network withdrew the grant.
    Revoked,
    /// It was disconnected here, for good.
    Disconnected,
}

impl AccountStatus {
    /// The name a database keeps.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::TokenExpired => "token_expired",
            Self::Revoked => "revoked",
            Self::Disconnected => "disconnected",
        }
    }

    /// The status of such a name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Active, Self::TokenExpired, Self::Revoked, Self::Disconnected]
            .into_iter()
            .find(|status| status.as_str() == name)
    }
}

/// What connecting does where the workspace has an account of the platform already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connecting {
    /// The row gets the new token and works again.
    Revives,
    /// The place is taken.
    Taken,
}

/// Connecting meets a row that is not disconnected: the same external account revives what no longer works.
pub(crate) fn connecting(status: AccountStatus, same_external_account: bool) -> Connecting {
    match status {
        AccountStatus::TokenExpired | AccountStatus::Revoked if same_external_account => {
            Connecting::Revives
        }
        _ => Connecting::Taken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_external_account_revives_and_only_what_no_longer_works() {
        for (status, same, wanted) in [
            (AccountStatus::Active, true, Connecting::Taken),
            (AccountStatus::Active, false, Connecting::Taken),
            (AccountStatus::TokenExpired, true, Connecting::Revives),
            (AccountStatus::TokenExpired, false, Connecting::Taken),
            (AccountStatus::Revoked, true, Connecting::Revives),
            (AccountStatus::Revoked, false, Connecting::Taken),
        ] {
            assert_eq!(connecting(status, same), wanted, "{status:?} {same}");
        }
    }
}
