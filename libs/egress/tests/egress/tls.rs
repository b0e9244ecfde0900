//! HTTPS: the certificate is verified, for the name and by a root.

use std::{fs, net::SocketAddr, path::PathBuf, process, sync::Arc};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use postbreeze_egress::{CA_FILE, Egress, Error, Limits, RootCertStore, TrustedRoots};
use postbreeze_runtime::config::Lookup;
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
    let (address, issuer) = serve_by_issuer(names, reply).await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from(issuer.der().to_vec())).unwrap();
    (address, roots)
}

async fn serve_by_issuer(
    names: &[&str],
    reply: String,
) -> (SocketAddr, CertifiedIssuer<'static, KeyPair>) {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &issuer).unwrap();
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
    (address, issuer)
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

fn pem(issuer: &CertifiedIssuer<'static, KeyPair>) -> String {
    let encoded = BASE64_STANDARD.encode(issuer.der());
    format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")
}

/// A file of a test, removed when it ends.
struct PemFile(PathBuf);

impl PemFile {
    fn new(name: &str, content: &str) -> Self {
        let file = format!("postbreeze-egress-{}-{name}.pem", process::id());
        let path = std::env::temp_dir().join(file);
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn setting(&self) -> (String, String) {
        (CA_FILE.to_owned(), self.0.display().to_string())
    }
}

impl Drop for PemFile {
    fn drop(&mut self) {
        drop(fs::remove_file(&self.0));
    }
}

#[tokio::test]
async fn authorities_of_the_operators_file_are_trusted_besides_mozillas() {
    let (address, issuer) = serve_by_issuer(&["127.0.0.1"], answer("200 OK", "", "a")).await;
    let url = format!("https://127.0.0.1:{}/", address.port());
    let allowed = ("POSTBREEZE_EGRESS_ALLOW".to_owned(), "127.0.0.1/32".to_owned());
    let without = Egress::read(&Lookup::new([allowed.clone()])).unwrap();
    assert_eq!(failure(&without, &url, LIMITS).await, Error::Tls);

    let (_, other) = serve_by_issuer(&["127.0.0.1"], String::new()).await;
    let file = PemFile::new("trusted", &format!("A comment.\n{}{}", pem(&other), pem(&issuer)));
    let lookup = Lookup::new([allowed, file.setting()]);
    let mut download = Egress::read(&lookup).unwrap().get(&url, LIMITS).await.unwrap();
    assert_eq!(rest(&mut download).await.unwrap(), b"a");
    let roots = TrustedRoots::read(&lookup).unwrap();
    let mozillas = TrustedRoots::default();
    assert!(mozillas.store().len() > 100);
    assert_eq!(roots.store().len(), mozillas.store().len() + 2);
    assert_eq!(roots.certificates().count(), mozillas.certificates().count() + 2);
    assert!(roots.certificates().any(|certificate| certificate == issuer.der().as_ref()));
}

#[test]
fn a_file_without_authorities_is_a_bad_setting() {
    let key = BASE64_STANDARD.encode(KeyPair::generate().unwrap().serialize_der());
    let key = format!("-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\n");
    let begin = "-----BEGIN CERTIFICATE-----";
    let end = "-----END CERTIFICATE-----";
    let contents = [
        ("empty", String::new()),
        ("key", key),
        ("open", format!("{begin}\nAAAA\n")),
        ("garbage", format!("{begin}\n!!!!\n{end}\n")),
        ("no-certificate", format!("{begin}\nAAAA\n{end}\n")),
    ];
    for (name, content) in contents {
        let file = PemFile::new(name, &content);
        let error = TrustedRoots::read(&Lookup::new([file.setting()])).unwrap_err();
        assert_eq!(error.variable, "POSTBREEZE_CA_FILE", "{name}");
    }
    let nowhere = (CA_FILE.to_owned(), "/nonexistent/ca.pem".to_owned());
    let error = Egress::read(&Lookup::new([nowhere])).unwrap_err();
    assert_eq!(error.variable, "POSTBREEZE_CA_FILE");
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
