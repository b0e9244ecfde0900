//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};

/// The settings.
pub struct Config {
    /// Seals the page tokens of `ListApiKeys`.
    pub page_tokens: TokenKey,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        Ok(Self { page_tokens: page_token_key(lookup)? })
    }
}
