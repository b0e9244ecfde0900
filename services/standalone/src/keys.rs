//! Key pairs for context tokens, made anew at each start: in one process nobody else needs them.

use std::collections::HashMap;

use postbreeze_context::token;
use postbreeze_runtime::config::ConfigError;
use secrecy::SecretString;

/// Who signs: the aggregator for users, the others for themselves.
const ISSUERS: [&str; 4] = [token::EDGE, "posts", "media", "accounts"];

/// The key pairs of every issuer.
pub struct Keys {
    signing: HashMap<&'static str, SecretString>,
    public: String,
}

impl Keys {
    /// New key pairs.
    ///
    /// # Errors
    /// When the source of randomness fails.
    pub fn generate() -> Result<Self, String> {
        let mut signing = HashMap::new();
        let mut public = Vec::new();
        for issuer in ISSUERS {
            let (secret, entry) =
                token::generate(issuer, "1").map_err(|error| error.to_string())?;
            signing.insert(issuer, secret);
            public.push(entry);
        }
        Ok(Self { signing, public: public.join(",") })
    }

    /// The public keys in the form of the configuration.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// An issuer's signing key.
    ///
    /// # Errors
    /// When it is no issuer.
    pub fn signing(&self, issuer: &str) -> Result<&SecretString, ConfigError> {
        self.signing
            .get(issuer)
            .ok_or_else(|| ConfigError::new("POSTBREEZE_CONTEXT_SIGNING_KEY", "has no such issuer"))
    }
}
