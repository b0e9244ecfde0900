//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postbreeze_runtime::config::{ConfigError, Lookup};
use secrecy::ExposeSecret as _;

use crate::{states::States, vault::Vault};

const TOKEN_KEY: &str = "POSTBREEZE_TOKEN_KEY";

/// The settings.
pub struct Config {
    /// Encrypts tokens.
    pub(crate) vault: Vault,
    /// Makes the states of connections.
    pub(crate) states: States,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let encoded = lookup.required_secret(TOKEN_KEY)?;
        let bad = || ConfigError::new(TOKEN_KEY, "must be 32 bytes in base64");
        let key = STANDARD.decode(encoded.expose_secret()).map_err(|_| bad())?;
        Ok(Self {
            vault: Vault::new(&key).ok_or_else(bad)?,
            states: States::new(&key).map_err(|_| bad())?,
        })
    }
}
