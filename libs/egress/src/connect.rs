//! From a URL to a connection. There is one way: a host is resolved and judged into [`Vetted`], and only that is
//! connected to.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, RootCertStore, client::Resumption, crypto::aws_lc_rs, pki_types::ServerName,
    },
};
use tokio_util::either::Either;
use url::{Host, Url};

use crate::{Error, Policy, Resolve};

/// Addresses of one name that are tried, one after another.
const TRIED: usize = 4;

/// Plain or encrypted.
pub(crate) type Connection = Either<TcpStream, TlsStream<TcpStream>>;

/// Addresses that the policy allows, all that the name had.
#[derive(Debug)]
struct Vetted(Vec<SocketAddr>);

/// Which ports may be connected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ports {
    Any,
    /// Those of http and https; at networks that the operator names, any.
    Web,
}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    pub(crate) policy: Arc<Policy>,
    pub(crate) ports: Ports,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) tls: Arc<ClientConfig>,
}

impl Connector {
    /// A connection to a URL's host, established until then.
    pub(crate) async fn connect(&self, url: &Url, until: Instant) -> Result<Connection, Error> {
        let vetted = timeout_at(until, self.vet(url)).await.map_err(|_| Error::Unresolvable)??;
        let stream = dial(&vetted, until).await?;
        if url.scheme() != "https" {
            return Ok(Either::Left(stream));
        }
        let name = server_name(url).ok_or(Error::Tls)?;
        let handshake = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        let stream = timeout_at(until, handshake).await.map_err(|_| Error::TimedOut)?;
        stream.map(Either::Right).map_err(|error| {
            tracing::debug!(host = url.host_str(), %error, "no TLS with a client's URL");
            Error::Tls
        })
    }

    /// Resolves a URL's host and judges every address of the answer: one that is forbidden spoils all of them.
    async fn vet(&self, url: &Url) -> Result<Vetted, Error> {
        let addresses = match url.host() {
            Some(Host::Domain(name)) => self.resolver.resolve(name).await.map_err(|error| {
                tracing::debug!(host = name, %error, "a client's URL cannot be resolved");
                self.judge_port(url).err().unwrap_or(Error::Unresolvable)
            })?,
            Some(Host::Ipv4(address)) => vec![address.into()],
            Some(Host::Ipv6(address)) => vec![address.into()],
            None => Vec::new(),
        };
        for &address in &addresses {
            self.judge(url, address)?;
        }
        let port = url.port_or_known_default().ok_or(Error::Unresolvable)?;
        if addresses.is_empty() {
            return Err(Error::Unresolvable);
        }
        Ok(Vetted(addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect()))
    }

    /// What can be told of a URL before its host is resolved: whether the host may be where it says, if that is an
    /// address, and whether its port may be.
    pub(crate) fn judge_unresolved(&self, url: &Url) -> Result<(), Error> {
        match url.host() {
            Some(Host::Ipv4(address)) => self.judge(url, address.into()),
            Some(Host::Ipv6(address)) => self.judge(url, address.into()),
            // No address is one that the operator names.
            _ if !self.policy.names_any() => self.judge_port(url),
            _ => Ok(()),
        }
    }

    /// Whether a URL's host may be at an address. The operator is told which one it may not be at; the client never is.
    fn judge(&self, url: &Url, address: IpAddr) -> Result<(), Error> {
        if !self.policy.allows(address) {
            let host = url.host_str();
            tracing::info!(host, %address, "a client's URL leads to a forbidden address");
            return Err(Error::Forbidden);
        }
        if self.policy.names(address) { Ok(()) } else { self.judge_port(url) }
    }

    fn judge_port(&self, url: &Url) -> Result<(), Error> {
        let is_web = matches!(url.port_or_known_default(), Some(80 | 443));
        if is_web || self.ports == Ports::Any { Ok(()) } else { Err(Error::ForbiddenPort) }
    }
}

/// The TLS of every connection. Sessions are not resumed: connections share nothing.
pub(crate) fn tls(roots: Arc<RootCertStore>) -> ClientConfig {
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for both versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    config
}

/// Tries the addresses one after another, each for its share of the time left, so that a silent one leaves time for
/// the next.
async fn dial(vetted: &Vetted, until: Instant) -> Result<TcpStream, Error> {
    let tried = vetted.0.len().min(TRIED);
    for (index, address) in vetted.0.iter().take(tried).enumerate() {
        let now = Instant::now();
        let left = u32::try_from(tried - index).unwrap_or(1);
        let share = now + until.saturating_duration_since(now) / left;
        if let Ok(Ok(stream)) = timeout_at(share, TcpStream::connect(address)).await {
            return Ok(stream);
        }
    }
    Err(Error::Connect)
}

fn server_name(url: &Url) -> Option<ServerName<'static>> {
    match url.host()? {
        Host::Domain(name) => ServerName::try_from(name.to_owned()).ok(),
        Host::Ipv4(address) => Some(IpAddr::from(address).into()),
        Host::Ipv6(address) => Some(IpAddr::from(address).into()),
    }
}
