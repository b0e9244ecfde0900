//! HTTP to networks: bounded in time and size, on no redirect, and with an answer to the one question that matters after a
//! failure: can the network have acted on it?

mod answer;

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode};
use postbreeze_egress::{Egress, Policy, Resolve as Resolver, SystemResolver, TrustedRoots};
use postbreeze_proto::{internal::v1::MediaToPublish, status::Reason};
use reqwest::{
    Body, Client, RequestBuilder,
    dns::{Addrs, Name, Resolve, Resolving},
    multipart::Form,
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use tokio_rustls::rustls::{ClientConfig, crypto::aws_lc_rs};
use url::Url;

pub(crate) use self::answer::{Answer, Problem, Refusal};
use super::{
    ConnectError,
    outcome::{Failure, clean},
    time_left,
};

const CONNECT_WITHIN: Duration = Duration::from_secs(4);
/// A call's time when nothing else is said.
const WITHIN: Duration = Duration::from_secs(15);
/// An answer at the most.
const ANSWER_BYTES: usize = 8 * 1_024 * 1_024;
const AGENT: &str = concat!("Postbreeze/", env!("CARGO_PKG_VERSION"));

/// The way to networks.
#[derive(Clone)]
pub(crate) struct Http {
    open: Client,
    guarded: Client,
    policy: Policy,
    egress: Egress,
}

impl Http {
    /// A way with connections of its own. Addresses that users name must be ones that the policy allows; certificates are
    /// verified by these roots.
    ///
    /// # Errors
    /// When the library refuses its settings.
    pub(crate) fn new(policy: Policy, roots: &TrustedRoots) -> Result<Self, reqwest::Error> {
        Self::resolving(policy, roots, Arc::new(SystemResolver::default()))
    }

    fn resolving(
        policy: Policy,
        roots: &TrustedRoots,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, reqwest::Error> {
        let guard = Guard { policy: policy.clone(), resolver };
        Ok(Self {
            open: client(roots).build()?,
            // Small servers close connections without saying so: what is sent on one at that moment is sent to nobody knows.
            guarded: client(roots).dns_resolver(guard).pool_max_idle_per_host(0).build()?,
            egress: Egress::new(policy.clone()),
            policy,
        })
    }

    /// The origin of a server that a user named, as `https://mastodon.example`: no path, no credentials, https unless the
    /// operator allows its very address.
    ///
    /// # Errors
    /// What is wrong with it, with `URL_FORBIDDEN` where it leads where no request may go.
    pub(crate) fn server(&self, field: &'static str, text: &str) -> Result<String, ConnectError> {
        let url = self.egress.check(text).map_err(|error| match error {
            postbreeze_egress::Error::Forbidden => ConnectError::Invalid {
                field,
                reason: Reason::UrlForbidden,
                problem: "leads to an address that may not be called".to_owned(),
            },
            other => ConnectError::invalid(field, other.to_string()),
        })?;
        if url.scheme() != "https" && !self.is_allowed_by_name(&url) {
            return Err(ConnectError::invalid(field, "must be an https URL"));
        }
        if url.path() != "/" || url.query().is_some() {
            return Err(ConnectError::invalid(field, "must be a server's URL without a path"));
        }
        Ok(url.origin().ascii_serialization())
    }

    /// Whether the operator has named the very network of an address, which is none of the public ones.
    fn is_allowed_by_name(&self, url: &Url) -> bool {
        let address: Option<IpAddr> = match url.host() {
            Some(url::Host::Ipv4(address)) => Some(address.into()),
            Some(url::Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        address.is_some_and(|address| {
            self.policy.allows(address) && !Policy::default().allows(address)
        })
    }

    /// A request to an address of the configuration, or of our own store.
    pub(crate) fn open(&self, method: Method, url: &str) -> Request {
        Request(self.open.request(method, url))
    }

    /// A request to an address that a user named.
    ///
    /// # Errors
    /// [`Problem::Forbidden`] when it leads where no request may go.
    pub(crate) fn guarded(&self, method: Method, url: &str) -> Result<Request, Problem> {
        let url = self.egress.check(url).map_err(|error| Problem::Forbidden(error.to_string()))?;
        Ok(Request(self.guarded.request(method, url)))
    }

    /// A request for the bytes of a medium, to where our own store is for services: networks are told `url`.
    pub(crate) fn read(&self, medium: &MediaToPublish) -> Request {
        let MediaToPublish { url, internal_url, .. } = medium;
        self.open(Method::GET, if internal_url.is_empty() { url } else { internal_url })
    }

    /// The bytes of a medium, for networks that take them whole.
    ///
    /// # Errors
    /// A failure when it is larger than `most`, or cannot be read now.
    pub(crate) async fn medium(
        &self,
        medium: &MediaToPublish,
        most: usize,
    ) -> Result<Bytes, Failure> {
        let size = usize::try_from(medium.size_bytes).unwrap_or(usize::MAX);
        if size > most {
            let message = format!("the network takes at most {most} bytes, and this has {size}");
            return Err(Failure::permanent("media_too_large", &message));
        }
        let request = self.read(medium).within(time_left());
        let answer = request.send_for(size).await;
        match answer {
            Ok(answer) if answer.status == StatusCode::OK && answer.body.len() == size => {
                Ok(answer.body)
            }
            Ok(answer) => Err(unreadable(&format!("the store answered {}", answer.status))),
            Err(problem) => Err(unreadable(&problem.to_string())),
        }
    }

    /// The bytes of a medium as a stream, for networks that take large ones; nothing is kept in memory.
    ///
    /// # Errors
    /// A failure when it cannot be read now.
    pub(crate) async fn stream(&self, medium: &MediaToPublish) -> Result<(Body, u64), Failure> {
        let size = u64::try_from(medium.size_bytes).unwrap_or(0);
        let answer = self.read(medium).within(time_left()).0.send().await;
        let answer = answer.map_err(|error| unreadable(&chain(&error.without_url())))?;
        if answer.status() != StatusCode::OK || answer.content_length() != Some(size) {
            return Err(unreadable(&format!("the store answered {}", answer.status())));
        }
        Ok((Body::wrap_stream(answer.bytes_stream()), size))
    }
}

fn client(roots: &TrustedRoots) -> reqwest::ClientBuilder {
    let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the provider has ciphers for both versions of TLS")
        .with_root_certificates(roots.store())
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .user_agent(AGENT)
        .redirect(redirect::Policy::none())
        .referer(false)
        // Proxies of the environment would see tokens, and go round the guard.
        .no_proxy()
        .connect_timeout(CONNECT_WITHIN)
        .timeout(WITHIN)
        // A request is never sent a second time behind our back.
        .retry(reqwest::retry::never())
}

/// Resolves names that users gave, to addresses that may be connected to: one that may not spoils all of them.
struct Guard {
    policy: Policy,
    resolver: Arc<dyn Resolver>,
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, resolver) = (self.policy.clone(), Arc::clone(&self.resolver));
        Box::pin(async move {
            let addresses = resolver.resolve(name.as_str()).await?;
            if let Some(forbidden) = addresses.iter().find(|address| !policy.allows(**address)) {
                tracing::info!(host = name.as_str(), address = %forbidden, "a user's server is at a forbidden address");
                return Err(Forbidden.into());
            }
            let sockets = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(sockets) as Addrs)
        })
    }
}

/// A name that leads to an address which may not be called.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that may not be called")]
struct Forbidden;

fn unreadable(message: &str) -> Failure {
    Failure::transient("media_unreadable", &format!("the medium cannot be read: {message}"))
}

/// A request.
pub(crate) struct Request(RequestBuilder);

impl Request {
    /// With a token.
    pub(crate) fn bearer(self, token: &SecretString) -> Self {
        Self(self.0.bearer_auth(token.expose_secret()))
    }

    /// With a name and a secret.
    pub(crate) fn basic(self, name: &str, secret: &SecretString) -> Self {
        Self(self.0.basic_auth(name, Some(secret.expose_secret())))
    }

    /// With a header.
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self(self.0.header(name, value))
    }

    /// With parameters in its URL.
    pub(crate) fn query<T: Serialize + ?Sized>(self, query: &T) -> Self {
        Self(self.0.query(query))
    }

    /// With a form.
    pub(crate) fn form<T: Serialize + ?Sized>(self, form: &T) -> Self {
        Self(self.0.form(form))
    }

    /// With JSON.
    pub(crate) fn json<T: Serialize + ?Sized>(self, json: &T) -> Self {
        Self(self.0.json(json))
    }

    /// With bytes.
    pub(crate) fn body(self, content_type: &str, body: impl Into<Body>) -> Self {
        Self(self.0.header(http::header::CONTENT_TYPE, content_type).body(body))
    }

    /// With a body whose type a header says.
    pub(crate) fn raw(self, body: Vec<u8>) -> Self {
        Self(self.0.body(body))
    }

    /// With a form of several parts.
    pub(crate) fn multipart(self, form: Form) -> Self {
        Self(self.0.multipart(form))
    }

    /// With another time than usual.
    pub(crate) fn within(self, time: Duration) -> Self {
        Self(self.0.timeout(time))
    }

    /// Sends it and takes the whole answer in, whatever its status.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn send(self) -> Result<Answer, Problem> {
        self.send_for(ANSWER_BYTES).await
    }

    async fn send_for(self, most: usize) -> Result<Answer, Problem> {
        let mut answer = self.0.send().await.map_err(no_answer)?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > most {
                return Err(Problem::NoAnswer("the answer is too large".to_owned()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: body.freeze() })
    }
}

fn no_answer(error: reqwest::Error) -> Problem {
    // Its address may hold a token.
    let error = error.without_url();
    let message = chain(&error);
    if causes(&error).any(<dyn Error>::is::<Forbidden>) {
        return Problem::Forbidden(message);
    }
    // Before a connection stands nothing can have been written to it.
    if error.is_connect() || error.is_builder() {
        Problem::NotSent(message)
    } else {
        Problem::NoAnswer(message)
    }
}

/// An error and what caused it.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| (*error).source())
}

fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(ToString::to_string).collect();
    clean(&texts.join(": "))
}

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::future::BoxFuture;

    use super::*;

    /// Leads every name into a private network.
    struct Inwards;

    impl Resolver for Inwards {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            Box::pin(async { Ok(vec![IpAddr::from([10, 0, 0, 1])]) })
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_forbidden_and_not_unreachable() {
        let roots = TrustedRoots::default();
        let http = Http::resolving(Policy::default(), &roots, Arc::new(Inwards)).unwrap();
        let request = http.guarded(Method::GET, "https://social.example/").unwrap();
        let problem = request.send().await.err().unwrap();
        assert!(matches!(problem, Problem::Forbidden(_)), "{problem:?}");
    }
}
