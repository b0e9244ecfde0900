//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};

const CONCURRENCY: &str = "POSTBREEZE_PUBLISH_CONCURRENCY";

/// The settings.
pub struct Config {
    /// Seals the page tokens of `ListPublishAttempts`.
    pub page_tokens: TokenKey,
    /// Sendings to networks at once, of this process.
    pub publish_concurrency: usize,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let publish_concurrency = lookup.parsed(CONCURRENCY, 64)?;
        if !(1..=1_000).contains(&publish_concurrency) {
            return Err(ConfigError::new(CONCURRENCY, "must be 1 to 1000"));
        }
        Ok(Self { page_tokens: page_token_key(lookup)?, publish_concurrency })
    }
}
