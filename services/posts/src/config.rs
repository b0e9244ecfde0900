//! Settings of this service alone: listening, database, context keys and peers are read where they are used.

use std::{ops::RangeInclusive, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use postbreeze_egress::{Egress, Policy};
use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup, page_token_key};
use secrecy::ExposeSecret as _;

use crate::vault::Vault;

const WEBHOOK_KEY: &str = "POSTBREEZE_WEBHOOK_KEY";
const OLD_WEBHOOK_KEYS: &str = "POSTBREEZE_WEBHOOK_KEYS_OLD";
const CONCURRENCY: &str = "POSTBREEZE_PUBLISH_CONCURRENCY";
const DEADLINE: &str = "POSTBREEZE_PUBLISH_DEADLINE_MS";
const LEASE: &str = "POSTBREEZE_PUBLISH_LEASE_MS";
const MAX_LATENESS: &str = "POSTBREEZE_PUBLISH_MAX_LATENESS_MS";
/// A minute to 30 days, in milliseconds.
const LATENESSES: RangeInclusive<u64> = 60_000..=2_592_000_000;

/// The settings.
pub struct Config {
    /// Seals the page tokens of the lists that are answered here.
    pub page_tokens: TokenKey,
    /// Sendings to networks at once, of this process.
    pub publish_concurrency: usize,
    /// How long a sending may take. Networks take their time with videos.
    pub publish_deadline: Duration,
    /// After how long without a sign of life a sending of another process is taken over.
    pub publish_lease: Duration,
    /// How long after its time a post may still go out.
    pub publish_max_lateness: Duration,
    /// Encrypts the secrets of webhooks.
    pub(crate) vault: Vault,
    /// The way to webhooks.
    pub(crate) egress: Egress,
}

impl Config {
    /// The settings with these page tokens, this key for the secrets of webhooks, and these networks that webhooks may be in;
    /// all else as it is by default.
    #[must_use]
    pub fn new(page_tokens: TokenKey, webhook_key: &[u8; 32], egress: Policy) -> Self {
        Self {
            page_tokens,
            publish_concurrency: 64,
            publish_deadline: Duration::from_mins(5),
            publish_lease: Duration::from_mins(1),
            publish_max_lateness: Duration::from_hours(24),
            vault: Vault::new(webhook_key, &[]),
            egress: Egress::new(egress),
        }
    }

    /// Reads the settings.
    ///
    /// # Errors
    /// When one is missing or bad.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let key = webhook_key(lookup)?;
        let default = Self::new(page_token_key(lookup)?, &key, Policy::default());
        let publish_concurrency = lookup.parsed(CONCURRENCY, default.publish_concurrency)?;
        if !(1..=1_000).contains(&publish_concurrency) {
            return Err(ConfigError::new(CONCURRENCY, "must be 1 to 1000"));
        }
        Ok(Self {
            publish_concurrency,
            publish_deadline: lookup.milliseconds(
                DEADLINE,
                default.publish_deadline,
                1_000..=300_000,
            )?,
            publish_lease: lookup.milliseconds(LEASE, default.publish_lease, 1_000..=300_000)?,
            publish_max_lateness: lookup.milliseconds(
                MAX_LATENESS,
                default.publish_max_lateness,
                LATENESSES,
            )?,
            vault: Vault::new(&key, &old_webhook_keys(lookup)?),
            egress: Egress::read(lookup)?,
            ..default
        })
    }
}

fn webhook_key(lookup: &Lookup) -> Result<[u8; 32], ConfigError> {
    let encoded = lookup.required_secret(WEBHOOK_KEY)?;
    key(encoded.expose_secret())
        .ok_or_else(|| ConfigError::new(WEBHOOK_KEY, "must be 32 bytes in base64"))
}

fn old_webhook_keys(lookup: &Lookup) -> Result<Vec<[u8; 32]>, ConfigError> {
    let Some(list) = lookup.secret(OLD_WEBHOOK_KEYS) else { return Ok(Vec::new()) };
    let entries = list.expose_secret().split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(key).collect::<Option<_>>().ok_or_else(|| {
        let problem = "must be keys of 32 bytes in base64, separated by commas";
        ConfigError::new(OLD_WEBHOOK_KEYS, problem)
    })
}

fn key(encoded: &str) -> Option<[u8; 32]> {
    STANDARD.decode(encoded).ok()?.try_into().ok()
}
