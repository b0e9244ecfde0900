//! Who calls.

use chrono::{DateTime, Utc};
use postbreeze_ids::{KeyId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    /// Everything its owner's role allows.
    ReadWrite,
    /// Get, List, Validate and WhoAmI.
    ReadOnly,
}

/// The verified origin of a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Caller {
    /// Nobody yet: `SignUp` and `SignIn`.
    Anonymous,
    /// A user with a session.
    Session {
        /// The user.
        user_id: UserId,
        /// The session, for `SignOut`.
        session_id: Uuid,
    },
    /// A program with an API key.
    Key {
        /// The key's owner.
        user_id: UserId,
        /// The key.
        key_id: KeyId,
        /// What it may do.
        permission: Permission,
        /// Whether it has an allow-list.
        scoped: bool,
        /// When it stops working.
        expire_time: Option<DateTime<Utc>>,
    },
    /// A service on its own behalf; never a client.
    System {
        /// The service.
        service: String,
    },
}

impl Caller {
    /// The user behind the call.
    #[must_use]
    pub fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Session { user_id, .. } | Self::Key { user_id, .. } => Some(*user_id),
            Self::Anonymous | Self::System { .. } => None,
        }
    }

    /// The key that was used.
    #[must_use]
    pub fn key_id(&self) -> Option<KeyId> {
        match self {
            Self::Key { key_id, .. } => Some(*key_id),
            _ => None,
        }
    }

    /// Whether the caller may only read.
    #[must_use]
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Key { permission: Permission::ReadOnly, .. })
    }

    /// Whether the caller's reach is cut to an allow-list.
    #[must_use]
    pub fn is_scoped(&self) -> bool {
        matches!(self, Self::Key { scoped: true, .. })
    }
}
