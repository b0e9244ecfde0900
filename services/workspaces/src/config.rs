//! The settings of this service.

use postbreeze_proto::page::TokenKey;
use postbreeze_runtime::config::{ConfigError, Lookup};
use secrecy::{ExposeSecret as _, SecretString};

use crate::plan::Plans;

const PAGE_TOKEN_KEY: &str = "POSTBREEZE_PAGE_TOKEN_KEY";
const PLANS_FILE: &str = "POSTBREEZE_PLANS_FILE";
const SELF_SERVICE_PLANS: &str = "POSTBREEZE_SELF_SERVICE_PLANS";
const KEY_CHARS_AT_LEAST: usize = 16;

/// The settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Seals page tokens; the same on every replica.
    pub page_token_key: SecretString,
    /// What each plan allows.
    pub plans: Plans,
    /// Whether users change their plans themselves.
    pub self_service_plans: bool,
}

impl Config {
    /// Reads the settings, and the file of plans if one is named.
    ///
    /// # Errors
    /// When a setting is missing or bad, naming its variable.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let page_token_key = lookup.required_secret(PAGE_TOKEN_KEY)?;
        if page_token_key.expose_secret().chars().count() < KEY_CHARS_AT_LEAST {
            let problem = format!("must have at least {KEY_CHARS_AT_LEAST} characters");
            return Err(ConfigError::new(PAGE_TOKEN_KEY, problem));
        }
        let plans = match lookup.text(PLANS_FILE) {
            None => Plans::built_in(),
            Some(path) => {
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| ConfigError::new(PLANS_FILE, format!("{path}: {error}")))?;
                Plans::parse(&text)
                    .map_err(|error| ConfigError::new(PLANS_FILE, format!("{path}: {error}")))?
            }
        };
        let self_service_plans = lookup.flag(SELF_SERVICE_PLANS, false)?;
        Ok(Self { page_token_key, plans, self_service_plans })
    }

    pub(crate) fn token_key(&self) -> TokenKey {
        TokenKey::new(self.page_token_key.expose_secret().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Config::read(&Lookup::new(pairs))
    }

    fn variable(pairs: &[(&str, &str)]) -> String {
        read(pairs).expect_err("the settings are bad").variable
    }

    const KEY: (&str, &str) = (PAGE_TOKEN_KEY, "sixteen or more characters");

    #[test]
    fn the_key_alone_is_enough_and_plans_are_not_self_service() {
        let config = read(&[KEY]).unwrap();
        assert_eq!(config.plans, Plans::built_in());
        assert!(!config.self_service_plans);
        assert!(!format!("{config:?}").contains(KEY.1));
    }

    #[test]
    fn a_bad_setting_is_named() {
        assert_eq!(variable(&[]), PAGE_TOKEN_KEY);
        assert_eq!(variable(&[(PAGE_TOKEN_KEY, "fifteen letters")]), PAGE_TOKEN_KEY);
        assert_eq!(variable(&[KEY, (SELF_SERVICE_PLANS, "perhaps")]), SELF_SERVICE_PLANS);
        assert_eq!(variable(&[KEY, (PLANS_FILE, "/no/such/file.toml")]), PLANS_FILE);
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        assert_eq!(variable(&[KEY, (PLANS_FILE, manifest)]), PLANS_FILE);
    }

    #[test]
    fn a_file_replaces_the_plans() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/plans.toml");
        assert_eq!(read(&[KEY, (PLANS_FILE, file)]).unwrap().plans, Plans::built_in());
    }
}
