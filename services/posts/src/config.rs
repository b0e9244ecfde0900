//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postbreeze_egress::{Egress, Policy};
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};
use secrecy::ExposeSecret as _;

use crate::vault::Vault;

const WEBHOOK_KEY: &str = "POSTBREEZE_WEBHOOK_KEY";
const CONCURRENCY: &str = "POSTBREEZE_PUBLISH_CONCURRENCY";

/// The settings.
pub struct Config {
    /// Seals the page tokens of the lists that are answered here.
    pub page_tokens: TokenKey,
    /// Sendings to networks at once, of this process.
    pub(crate) publish_concurrency: usize,
    /// Encrypts the secrets of webhooks.
    pub(crate) vault: Vault,
    /// The way to webhooks.
    pub(crate) egress: Egress,
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
        let encoded = lookup.required_secret(WEBHOOK_KEY)?;
        let bad = || ConfigError::new(WEBHOOK_KEY, "must be 32 bytes in base64");
        let key = STANDARD.decode(encoded.expose_secret()).map_err(|_| bad())?;
        Ok(Self {
            page_tokens: page_token_key(lookup)?,
            publish_concurrency,
            vault: Vault::new(&key).ok_or_else(bad)?,
            egress: Egress::new(Policy::read(lookup)?),
        })
    }
}
