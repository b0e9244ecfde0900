//! HTTPS: the certificate is verified, for the name and by a root.

use std::{net::SocketAddr, sync::Arc};

use postbreeze_egress::{Egress, Error, Limits, RootCertStore};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer},
    },
};

use crate::support::{LIMITS, Names, SHORT, Server, answer, failure, hold, local, redirect, rest};

/// A server with a certificate for these names, and the root that vouches for it.
async fn serve(names: &[&str], reply: String) -> (SocketAddr, RootCertStore) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(issuer.der().to_vec())).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                drop(stream.read(&mut [0; 4_096]).await);
                drop(stream.write_all(reply.as_bytes()).await);
                drop(stream.shutdown().await);
            }
        }
    });
    (address, roots)
}

fn egress() -> Egress {
    local().with_resolver(Names::default().with("media.test", &[&["127.0.0.1"]]))
}

#[tokio::test]
async fn a_valid_certificate_is_accepted_for_its_names() {
    let (address, roots) = serve(&["media.test", "127.0.0.1"], answer("200 OK", "", "a")).await;
    let egress = egress().with_roots(roots);
    for host in ["media.test", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", address.port());
        let mut download = egress.get(&url, LIMITS).await.unwrap();
        assert_eq!(rest(&mut download).await.unwrap(), b"a");
    }
}

#[tokio::test]
async fn a_certificate_of_an_unknown_root_is_refused() {
    let (address, _) = serve(&["media.test"], answer("200 OK", "", "a")).await;
    let url = format!("https://media.test:{}/", address.port());
    assert_eq!(failure(&egress(), &url, LIMITS).await, Error::Tls);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let (address, roots) = serve(&["other.test"], answer("200 OK", "", "a")).await;
    let egress = egress().with_roots(roots);
    for host in ["media.test", "127.0.0.1"] {
        let url = format!("https://{host}:{}/", address.port());
        assert_eq!(failure(&egress, &url, LIMITS).await, Error::Tls);
    }
}

#[tokio::test]
async fn a_server_without_tls_is_refused_and_a_silent_one_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://media.test:{}/", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(answer("400 Bad Request", "", "").as_bytes()).await.unwrap();
        drop(stream.read(&mut [0; 4_096]).await);
    });
    assert_eq!(failure(&egress(), &url, LIMITS).await, Error::Tls);
    let silent = Server::start("127.0.0.1", |_, stream| hold(stream));
    let url = format!("https://media.test:{}/", silent.address.port());
    let limits = Limits { connect: SHORT, ..LIMITS };
    assert_eq!(failure(&egress(), &url, limits).await, Error::TimedOut);
}

#[tokio::test]
async fn a_redirect_from_https_to_http_is_not_followed() {
    let plain = Server::answering("127.0.0.1", answer("200 OK", "", "a"));
    let (address, roots) = serve(&["media.test"], redirect(&plain.url("/"))).await;
    let url = format!("https://media.test:{}/", address.port());
    let error = failure(&egress().with_roots(roots), &url, LIMITS).await;
    assert_eq!(error, Error::Downgrade);
    assert!(plain.requests().is_empty());
}
