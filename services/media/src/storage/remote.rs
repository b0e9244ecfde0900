//! What the remote stores have in common.

use object_store::{Attribute, Attributes, Certificate, ClientOptions};
use postbreeze_runtime::config::ConfigError;
use secrecy::ExposeSecret as _;

use super::{
    bounds,
    config::{Bucket, STORE},
};

/// What an object is stored with.
pub(super) fn attributes(content_type: &str) -> Attributes {
    Attributes::from_iter([(Attribute::ContentType, content_type.to_owned())])
}

/// How connections to a bucket's provider are made. Without roots of our own the client would ask for those of the system,
/// and could not be built where there are none.
pub(super) fn client(bucket: &Bucket) -> Result<ClientOptions, ConfigError> {
    let mut certificates = bucket.roots.certificates().map(Certificate::from_der);
    let bounded = bounds::client().with_no_system_certificates(true);
    certificates
        .try_fold(bounded, |client, root| Ok(client.with_root_certificate(root?)))
        .map_err(fault)
}

/// The credentials of a bucket, as the settings of a client: each variable is named as the setting it is.
pub(super) fn settings<K: std::str::FromStr>(
    bucket: &Bucket,
) -> Result<Vec<(K, String)>, ConfigError> {
    let settings = bucket.credentials.iter().map(|(variable, value)| {
        let key = variable.to_ascii_lowercase().parse();
        let key = key.map_err(|_| ConfigError::new(variable, "is not understood"))?;
        Ok((key, value.expose_secret().to_owned()))
    });
    settings.collect()
}

/// A client that cannot be made.
pub(super) fn fault(error: object_store::Error) -> ConfigError {
    ConfigError::new(STORE, Chain(&error))
}

/// An error with what caused it.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
