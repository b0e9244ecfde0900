//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};
use secrecy::{ExposeSecret as _, SecretString};

use crate::{
    networks::NetworkSettings,
    states::States,
    vault::{KEY_BYTES, Vault},
};

const TOKEN_KEY: &str = "POSTBREEZE_TOKEN_KEY";
const OLD_TOKEN_KEYS: &str = "POSTBREEZE_TOKEN_KEYS_OLD";
const SANDBOX_COMMANDS: &str = "POSTBREEZE_SANDBOX_COMMANDS";

/// The settings.
pub struct Config {
    /// Encrypts tokens.
    pub(crate) vault: Vault,
    /// Makes the states of connections.
    pub(crate) states: States,
    /// Seals page tokens.
    pub(crate) page_tokens: TokenKey,
    /// Whether SANDBOX can be commanded.
    pub(crate) sandbox_commands: bool,
    /// The settings of the networks.
    pub(crate) networks: NetworkSettings,
}

impl Config {
    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let bad = || ConfigError::new(TOKEN_KEY, "must be 32 bytes in base64");
        let key = key(&lookup.required_secret(TOKEN_KEY)?).ok_or_else(bad)?;
        let old = match lookup.secret(OLD_TOKEN_KEYS) {
            None => Vec::new(),
            Some(list) => {
                let entries = list.expose_secret().split(',').map(str::trim);
                let entries = entries.filter(|entry| !entry.is_empty());
                let keys = entries.map(|entry| self::key(&SecretString::from(entry)));
                keys.collect::<Option<Vec<_>>>().ok_or_else(|| {
                    ConfigError::new(
                        OLD_TOKEN_KEYS,
                        "must be keys of 32 bytes in base64, separated by commas",
                    )
                })?
            }
        };
        Ok(Self {
            vault: Vault::new(&key, &old).ok_or_else(bad)?,
            states: States::new(&key, &old).map_err(|_| bad())?,
            page_tokens: page_token_key(lookup)?,
            sandbox_commands: lookup.flag(SANDBOX_COMMANDS, false)?,
            networks: NetworkSettings::read(lookup)?,
        })
    }
}

/// A key of 32 bytes.
fn key(encoded: &SecretString) -> Option<Vec<u8>> {
    STANDARD.decode(encoded.expose_secret()).ok().filter(|key| key.len() == KEY_BYTES)
}
