//! TLS by a certificate authority that nobody knows.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::aws_lc_rs, pki_types::PrivateKeyDer},
};

use crate::directory::Directory;

/// A certificate authority, whose own certificate is in a file.
pub struct PrivateCa {
    directory: Directory,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl PrivateCa {
    /// A new one.
    ///
    /// # Panics
    /// When it cannot be made: a test has nothing to do then.
    #[must_use]
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("an authority can be made");
        let ca = Self { directory: Directory::new("ca"), issuer };
        let encoded = BASE64_STANDARD.encode(ca.issuer.der());
        let pem = format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n");
        fs::write(ca.file(), pem).expect("a file can be written");
        ca
    }

    /// The file that holds its certificate, in PEM.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// Speaks TLS for a server in plain text, with a certificate for 127.0.0.1. Answers where.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn front(&self, server: SocketAddr) -> SocketAddr {
        let key = KeyPair::generate().expect("a key can be made");
        let params = CertificateParams::new([Ipv4Addr::LOCALHOST.to_string()]);
        let certificate = params.and_then(|params| params.signed_by(&key, &self.issuer));
        let certificate = certificate.expect("a certificate can be made");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("the key is one");
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has ciphers for both versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("certificate and key belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Clients that do not trust the certificate leave.
                    let Ok(mut client) = acceptor.accept(stream).await else { return };
                    let Ok(mut server) = TcpStream::connect(server).await else { return };
                    drop(copy_bidirectional(&mut client, &mut server).await);
                });
            }
        });
        address
    }
}

impl Default for PrivateCa {
    fn default() -> Self {
        Self::new()
    }
}
