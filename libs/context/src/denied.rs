//! Why a caller may not do something.

use postbreeze_proto::status::{Fault, Reason};

/// A refusal. What was refused is not told: the caller may have no right to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The workspace is not in the caller's reach, or does not exist.
    #[error("the workspace is out of reach")]
    OutOfReach,
    /// The key may only read.
    #[error("the key may only read")]
    ReadOnly,
    /// The caller's role in the workspace does not allow it.
    #[error("the role does not allow this")]
    RoleInsufficient,
    /// A scoped key may not do this.
    #[error("a scoped key may not do this")]
    ScopedKey,
    /// Only a session may do this.
    #[error("only a session may do this")]
    SessionRequired,
}

impl Denied {
    /// The refusal's reason.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::OutOfReach => Reason::WorkspaceOutOfReach,
            Self::ReadOnly => Reason::KeyReadOnly,
            Self::RoleInsufficient => Reason::RoleInsufficient,
            Self::ScopedKey => Reason::ScopedKey,
            Self::SessionRequired => Reason::SessionRequired,
        }
    }
}

impl From<Denied> for Fault {
    fn from(denied: Denied) -> Self {
        Self::new(denied.reason(), denied.to_string())
    }
}

impl From<Denied> for tonic::Status {
    fn from(denied: Denied) -> Self {
        Fault::from(denied).into()
    }
}
