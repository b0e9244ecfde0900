//! How an owner is put together: its handlers behind the interceptor, with health, behind the stack.

use postbreeze_runtime::{
    BoxService, Environment,
    health::Health,
    serve::compose,
    stack::{Limits, Place},
};
use tonic::service::Routes;

use crate::{interceptor::intercept, resolve::ReachResolver, token::Verifier};

/// What an owner checks calls with.
#[derive(Clone)]
pub struct Guard {
    /// Verifies context tokens for this owner.
    pub verifier: Verifier,
    /// Resolves reaches.
    pub resolver: ReachResolver,
}

/// The whole service of an owner.
#[must_use]
pub fn owner(
    routes: Routes,
    guard: Guard,
    health: Health,
    limits: Limits,
    environment: &Environment,
) -> BoxService {
    let service = intercept(routes, guard.verifier, guard.resolver);
    compose(service, None, health, Place::Inside, limits, environment)
}
