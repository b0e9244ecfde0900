//! Configuration from the environment, read once by an injected lookup.
//!
//! A service's `Config::read` takes a [`Lookup`] and answers a [`ConfigError`] that names the variable. The process
//! then ends with exit code 64 before any port is bound.

use std::{collections::HashMap, fmt::Display, str::FromStr, time::Duration};

use postbreeze_proto::page::TokenKey;
use secrecy::{ExposeSecret as _, SecretString};

/// A setting that is missing or bad.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{variable}: {problem}")]
pub struct ConfigError {
    /// The environment variable.
    pub variable: String,
    /// What is wrong with it. Never its value: it may be a secret.
    pub problem: String,
}

impl ConfigError {
    /// A bad value of a variable.
    pub fn new(variable: &str, problem: impl Display) -> Self {
        Self { variable: variable.to_owned(), problem: problem.to_string() }
    }
}

/// Where settings come from: the environment of the process, or a map in tests. Empty values count as absent.
#[derive(Debug, Clone, Default)]
pub struct Lookup(HashMap<String, SecretString>);

impl Lookup {
    /// The settings of these pairs.
    pub fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(
            pairs
                .into_iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name, SecretString::from(value)))
                .collect(),
        )
    }

    /// The same settings, with these for what is not set.
    #[must_use]
    pub fn with_defaults(
        &self,
        defaults: impl IntoIterator<Item = (String, SecretString)>,
    ) -> Self {
        let mut all: HashMap<String, SecretString> = defaults.into_iter().collect();
        all.extend(self.0.clone());
        Self(all)
    }

    /// A secret, if set.
    #[must_use]
    pub fn secret(&self, variable: &str) -> Option<SecretString> {
        self.0.get(variable).cloned()
    }

    /// A secret that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required_secret(&self, variable: &str) -> Result<SecretString, ConfigError> {
        self.secret(variable).ok_or_else(|| ConfigError::new(variable, "must be set"))
    }

    /// A text, if set.
    #[must_use]
    pub fn text(&self, variable: &str) -> Option<String> {
        self.0.get(variable).map(|value| value.expose_secret().to_owned())
    }

    /// A text that must be set.
    ///
    /// # Errors
    /// When it is not.
    pub fn required(&self, variable: &str) -> Result<String, ConfigError> {
        self.text(variable).ok_or_else(|| ConfigError::new(variable, "must be set"))
    }

    /// A parsed value, or the default.
    ///
    /// # Errors
    /// When it is set and cannot be parsed.
    pub fn parsed<T>(&self, variable: &str, default: T) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: Display,
    {
        match self.text(variable) {
            None => Ok(default),
            Some(text) => text.trim().parse().map_err(|error| ConfigError::new(variable, error)),
        }
    }

    /// A flag: `true` or `false`, or the default.
    ///
    /// # Errors
    /// When it is something else.
    pub fn flag(&self, variable: &str, default: bool) -> Result<bool, ConfigError> {
        self.parsed(variable, default)
    }

    /// Whole milliseconds within a range, or the default.
    ///
    /// # Errors
    /// When it is no number or out of range.
    pub fn milliseconds(
        &self,
        variable: &str,
        default: Duration,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<Duration, ConfigError> {
        let given = u64::try_from(default.as_millis()).unwrap_or(u64::MAX);
        let value = self.parsed(variable, given)?;
        if range.contains(&value) {
            Ok(Duration::from_millis(value))
        } else {
            Err(ConfigError::new(
                variable,
                format!("must be {} to {} milliseconds", range.start(), range.end()),
            ))
        }
    }
}

/// The key that seals page tokens, from `POSTBREEZE_PAGE_TOKEN_KEY`: a secret text of at least 16 characters, the same
/// for every replica of every service.
///
/// # Errors
/// When it is missing or too short.
pub fn page_token_key(lookup: &Lookup) -> Result<TokenKey, ConfigError> {
    const VARIABLE: &str = "POSTBREEZE_PAGE_TOKEN_KEY";
    let secret = lookup.required_secret(VARIABLE)?;
    let secret = secret.expose_secret().as_bytes();
    if secret.len() < 16 {
        return Err(ConfigError::new(VARIABLE, "must have at least 16 characters"));
    }
    Ok(TokenKey::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(pairs: &[(&str, &str)]) -> Lookup {
        Lookup::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn an_error_names_the_variable_and_not_the_value() {
        let error = lookup(&[("PORT", "s3cret")]).parsed("PORT", 1_u16).unwrap_err();
        assert_eq!(error.variable, "PORT");
        assert!(!error.to_string().contains("s3cret"));
    }

    #[test]
    fn absent_and_empty_are_the_default() {
        assert_eq!(lookup(&[]).parsed("PORT", 7_u16), Ok(7));
        assert_eq!(lookup(&[("PORT", "")]).parsed("PORT", 7_u16), Ok(7));
        assert!(lookup(&[("PORT", "")]).required("PORT").is_err());
    }

    #[test]
    fn debug_shows_no_value() {
        let shown = format!("{:?}", lookup(&[("KEY", "s3cret")]));
        assert!(shown.contains("KEY") && !shown.contains("s3cret"));
    }
}
