//! The way of a public call: what a client sends as context is stripped, its credential becomes a caller, and the call
//! goes on with a signed token of that caller, to its owner or to the handlers here.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, Response, header::AUTHORIZATION};
use postbreeze_context::{
    Caller, credential,
    policy::{Callers as PolicyCallers, policy_of},
    resolve::Callers,
    token::{CONTEXT, Issuer},
};
use postbreeze_proto::{
    NOT_SERVED_YET, RPC_PATHS,
    status::{Fault, Reason, internal},
};
use postbreeze_runtime::call::Call;
use secrecy::SecretString;
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _};

use crate::owners::{Answerer, Owners, audience_of};

/// Headers that only services may set.
const INTERNAL_HEADERS: &str = "x-postbreeze-";

/// Serves public calls.
#[derive(Clone)]
pub struct Edge(Arc<Inner>);

struct Inner {
    callers: Arc<dyn Callers>,
    issuer: Issuer,
    owners: Owners,
    merged: Routes,
}

impl Edge {
    /// An edge before these owners; `merged` are the handlers here.
    pub fn new(callers: Arc<dyn Callers>, issuer: Issuer, owners: Owners, merged: Routes) -> Self {
        Self(Arc::new(Inner { callers, issuer, owners, merged }))
    }
}

impl Inner {
    async fn serve(&self, mut request: Request<Body>) -> Result<Response<Body>, Status> {
        let path = request.uri().path();
        let path = RPC_PATHS
            .get(path)
            .filter(|path| path.starts_with("/postbreeze.v1."))
            .ok_or_else(|| Status::unimplemented("no such RPC"))?
            .as_str();
        let policy = policy_of(path).ok_or_else(internal)?;
        strip(request.headers_mut());
        let caller = match policy.callers {
            PolicyCallers::Anyone => {
                request.headers_mut().remove(AUTHORIZATION);
                Caller::Anonymous
            }
            _ => self.authenticate(request.headers_mut()).await?,
        };
        policy.check(&caller)?;
        if NOT_SERVED_YET.contains(&path) {
            return Err(Status::unimplemented("this RPC is not served yet"));
        }
        match self.owners.answerer(path).ok_or_else(internal)? {
            Answerer::Owner(owner) => {
                let call = self.call_for(&caller, owner.name())?;
                let Ok(response) = call.scope(owner.clone().oneshot(request)).await;
                Ok(response)
            }
            Answerer::Here => {
                let mut request = request;
                request.extensions_mut().insert(caller.clone());
                let call = self.call_for(&caller, "aggregator")?;
                let Ok(response) = call.scope(self.merged.clone().oneshot(request)).await;
                Ok(response)
            }
        }
    }

    /// The current call, carrying the caller's token for whom it goes to.
    fn call_for(&self, caller: &Caller, owner: &str) -> Result<Call, Status> {
        let token = self.issuer.token(caller, audience_of(owner)).map_err(|error| {
            tracing::error!(%error, "a context token cannot be signed");
            internal()
        })?;
        Ok(Call::current().ok_or_else(internal)?.carrying(CONTEXT, token))
    }

    async fn authenticate(&self, headers: &mut HeaderMap) -> Result<Caller, Status> {
        let Some(value) = headers.remove(AUTHORIZATION) else {
            return Err(Fault::new(Reason::CredentialMissing, "a credential is required").into());
        };
        let invalid = || Fault::new(Reason::CredentialInvalid, "the credential is not valid");
        let text = value.to_str().map_err(|_| invalid())?;
        let (scheme, secret) = text.split_once(' ').ok_or_else(invalid)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(invalid().into());
        }
        // Form and checksum first: what is made up or mistyped costs no look-up.
        let (_, hash) =
            credential::parse(&SecretString::from(secret.trim())).ok_or_else(invalid)?;
        let own = self.issuer.system_token(&["identity"]).map_err(|error| {
            tracing::error!(%error, "a context token cannot be signed");
            internal()
        })?;
        let call = Call::current().ok_or_else(internal)?.carrying(CONTEXT, own);
        call.scope(self.callers.authenticate(&hash)).await
    }
}

/// Throws away what only services may say.
fn strip(headers: &mut HeaderMap) {
    let internal: Vec<_> = headers
        .keys()
        .filter(|name| name.as_str().starts_with(INTERNAL_HEADERS))
        .cloned()
        .collect();
    for name in internal {
        headers.remove(name);
    }
}

impl Service<Request<Body>> for Edge {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let edge = Arc::clone(&self.0);
        Box::pin(
            async move { Ok(edge.serve(request).await.unwrap_or_else(tonic::Status::into_http)) },
        )
    }
}
