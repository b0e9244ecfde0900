//! Which certificate authorities are trusted: Mozilla's, which are compiled in, and those of a file that the operator names.
//! The trust store of the system is not read, so that an image needs none and every client of a process trusts the same.

use std::{fs, sync::Arc};

use postbreeze_runtime::config::{ConfigError, Lookup};
use tokio_rustls::rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Names the file, in PEM, of the authorities that are trusted besides Mozilla's.
pub const CA_FILE: &str = "POSTBREEZE_CA_FILE";

/// The authorities that servers are verified by. Cheap to clone.
#[derive(Debug, Clone)]
pub struct TrustedRoots {
    store: Arc<RootCertStore>,
    /// Those of the file.
    further: Arc<[CertificateDer<'static>]>,
}

impl Default for TrustedRoots {
    /// Mozilla's alone.
    fn default() -> Self {
        let store = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Self { store: store.into(), further: Arc::default() }
    }
}

impl TrustedRoots {
    /// Mozilla's, and those of the file that `POSTBREEZE_CA_FILE` names, if it is set. The file is read once.
    ///
    /// # Errors
    /// When it cannot be read, is no PEM, or holds no certificate, or one that cannot be an authority's.
    pub fn read(lookup: &Lookup) -> Result<Self, ConfigError> {
        let Some(path) = lookup.text(CA_FILE) else { return Ok(Self::default()) };
        let fault = |problem: String| ConfigError::new(CA_FILE, problem);
        let pem = fs::read(&path).map_err(|error| fault(format!("{path}: {error}")))?;
        let further = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| fault(format!("{path} is not PEM: {error}")))?;
        if further.is_empty() {
            return Err(fault(format!("{path} holds no certificate")));
        }
        let mut store = RootCertStore::clone(&Self::default().store);
        for certificate in &further {
            store.add(certificate.clone()).map_err(|error| {
                fault(format!("{path} holds a certificate that cannot be trusted: {error}"))
            })?;
        }
        Ok(Self { store: store.into(), further: further.into() })
    }

    /// All of them, for clients that are built on rustls.
    #[must_use]
    pub fn store(&self) -> Arc<RootCertStore> {
        Arc::clone(&self.store)
    }

    /// The certificates of all of them, in DER, for clients that take nothing else.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        let mozilla = webpki_root_certs::TLS_SERVER_ROOT_CERTS.iter();
        mozilla.chain(&*self.further).map(AsRef::as_ref)
    }
}
