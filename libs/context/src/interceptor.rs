//! The shared interceptor: a tower layer before every owner's handlers.
//!
//! It verifies the context token, applies the RPC's policy, resolves the reach where the policy says so, and puts a
//! [`WorkspaceContext`] into the request. The token travels on to whatever the handler calls.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use http::{HeaderValue, Request, Response};
use postbreeze_proto::status::{Fault, Reason};
use postbreeze_runtime::{BoxService, call::Call, peer::CALLER_REFUSED};
use tonic::{Status, body::Body, service::Routes};
use tower::{Service, ServiceExt as _, util::BoxCloneSyncService};

use crate::{
    Caller, Reach, WorkspaceContext,
    policy::{Callers, policy_of},
    resolve::ReachResolver,
    token::{CONTEXT, Rpcs, Verifier},
};

/// Puts an owner's handlers behind the interceptor.
#[must_use]
pub fn intercept(routes: Routes, verifier: Verifier, resolver: ReachResolver) -> BoxService {
    BoxCloneSyncService::new(Interceptor {
        routes: routes.prepare(),
        gate: Arc::new(Gate { verifier, resolver }),
    })
}

#[derive(Clone)]
struct Interceptor {
    routes: Routes,
    gate: Arc<Gate>,
}

struct Gate {
    verifier: Verifier,
    resolver: ReachResolver,
}

impl Gate {
    async fn pass(
        &self,
        routes: Routes,
        mut request: Request<Body>,
    ) -> Result<Response<Body>, Status> {
        let policy =
            policy_of(request.uri().path()).ok_or_else(|| Status::unimplemented("no such RPC"))?;
        let token = request.headers_mut().remove(CONTEXT).ok_or_else(|| {
            Fault::new(Reason::CredentialMissing, "the call carries no context token")
        });
        let token = token.map_err(caller_refused)?;
        let caller = self.verifier.verify(&token, policy.rpcs()).map_err(caller_refused)?;
        if policy.callers != Callers::Anyone && *caller == Caller::Anonymous {
            return Err(Fault::new(Reason::CredentialMissing, "a credential is required").into());
        }
        match (policy.check(&caller), policy.rpcs()) {
            (Ok(()), _) => {}
            (Err(denied), Rpcs::Public) => return Err(denied.into()),
            // No client brought this about: the service that called is not one of those that may.
            (Err(_), Rpcs::Internal) => {
                let told = "the calling service may not call this RPC";
                return Err(caller_refused(Fault::new(Reason::CredentialInvalid, told)));
            }
        }
        let call = match Call::current() {
            Some(call) => call.carrying(CONTEXT, token),
            None => return Err(postbreeze_proto::status::internal()),
        };
        call.scope(async {
            let reach =
                if policy.reach { self.resolver.reach(&caller).await? } else { Reach::default() };
            let context = WorkspaceContext::new(Caller::clone(&caller), Arc::new(reach));
            request.extensions_mut().insert(context);
            let Ok(response) = routes.oneshot(request).await;
            Ok(response)
        })
        .await
    }
}

/// Marks a refusal that is about the service that called: [`postbreeze_runtime::peer`] does not pass it on to clients.
fn caller_refused(fault: Fault) -> Status {
    let mut status = Status::from(fault);
    status.metadata_mut().as_mut().insert(CALLER_REFUSED, HeaderValue::from_static("true"));
    status
}

impl Service<Request<Body>> for Interceptor {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (routes, gate) = (self.routes.clone(), Arc::clone(&self.gate));
        Box::pin(async move {
            Ok(gate.pass(routes, request).await.unwrap_or_else(tonic::Status::into_http))
        })
    }
}
