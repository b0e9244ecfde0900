//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use postbreeze_egress::Policy;
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};

use crate::storage::StorageConfig;

/// The settings.
pub struct Config {
    /// Where the bytes are.
    pub storage: StorageConfig,
    /// Where media may be fetched from.
    pub(crate) egress: Policy,
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
            egress: Policy::read(lookup)?,
            page_tokens: page_token_key(lookup)?,
        })
    }
}
