//! The networks, and which of them can be connected: the one place that decides it.

mod sandbox;

use postbreeze_proto::v1::Platform;
use secrecy::SecretString;

/// What a network tells of an account that was granted to us.
pub(crate) struct Grant {
    /// The network's own id.
    pub(crate) external_id: String,
    /// The name it is addressed by.
    pub(crate) handle: String,
    /// The name it shows.
    pub(crate) display_name: String,
    /// The picture it shows.
    pub(crate) avatar_url: String,
    /// What was granted.
    pub(crate) scopes: Vec<String>,
    /// What we publish with.
    pub(crate) access_token: SecretString,
}

/// A network that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Network {
    /// The network inside the system.
    Sandbox,
}

impl Network {
    /// The network of a platform; `None` when it cannot be connected yet.
    pub(crate) fn of(platform: Platform) -> Option<Self> {
        match platform {
            Platform::Sandbox => Some(Self::Sandbox),
            Platform::Unspecified
            | Platform::Instagram
            | Platform::FacebookPage
            | Platform::X
            | Platform::LinkedinPerson
            | Platform::LinkedinCompany
            | Platform::Tiktok
            | Platform::Youtube
            | Platform::Pinterest
            | Platform::Threads
            | Platform::Bluesky
            | Platform::Mastodon => None,
        }
    }

    /// Where the person grants access.
    pub(crate) fn authorize_url(self, state: &str) -> String {
        match self {
            Self::Sandbox => sandbox::authorize_url(state),
        }
    }

    /// Exchanges the code that the person brought back; what is wrong with it, for people.
    pub(crate) fn exchange(self, code: &str) -> Result<Grant, &'static str> {
        match self {
            Self::Sandbox => sandbox::exchange(code),
        }
    }
}
