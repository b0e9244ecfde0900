//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use postbreeze_egress::Egress;
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};

use crate::storage::StorageConfig;

/// The settings.
pub struct Config {
    /// Where the bytes are.
    pub storage: StorageConfig,
    /// The way to media on the web.
    pub(crate) egress: Egress,
    /// Seals page tokens.
    pub(crate) page_tokens: TokenKey,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        Ok(Self {
            storage: StorageConfig::read(lookup)?,
            egress: Egress::read(lookup)?.with_web_ports(),
            page_tokens: page_token_key(lookup)?,
        })
    }
}
