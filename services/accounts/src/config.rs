//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postbreeze_runtime::config::{ConfigError, Lookup};
use secrecy::ExposeSecret as _;

use crate::vault::Vault;

const TOKEN_KEY: &str = "POSTBREEZE_TOKEN_KEY";

/// The settings.
pub struct Config {
    /// Encrypts tokens.
    pub(crate) vault: Vault,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let encoded = lookup.required_secret(TOKEN_KEY)?;
        let key = STANDARD.decode(encoded.expose_secret()).ok();
        let vault = key.as_deref().and_then(Vault::new);
        let bad = || ConfigError::new(TOKEN_KEY, "must be 32 bytes in base64");
        Ok(Self { vault: vault.ok_or_else(bad)? })
    }
}
