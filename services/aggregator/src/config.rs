//! Where the aggregator's settings come from.

use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::{
    config::{ConfigError, Lookup, page_token_key},
    peer::Peer,
};

use crate::owners::{Owners, Sources};

/// The settings.
pub struct Config {
    /// Seals page tokens.
    pub page_tokens: TokenKey,
    /// The services behind it.
    pub owners: Owners,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        Ok(Self {
            page_tokens: page_token_key(lookup)?,
            owners: Owners {
                identity: Peer::read(lookup, "identity")?,
                workspaces: Peer::read(lookup, "workspaces")?,
                media: Peer::read(lookup, "media")?,
                posts: Sources::one(Peer::read(lookup, "posts")?),
                accounts: Sources::one(Peer::read(lookup, "accounts")?),
            },
        })
    }
}
