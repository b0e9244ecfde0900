//! The `accounts` service: social accounts, and the border to the networks. It alone holds tokens and speaks to networks.
//!
//! Tables: `accounts`, `account_tokens`, `connect_states`, and the heads that make lists over many workspaces cheap. RPCs:
//! `SocialAccountService` (but its list, which the aggregator merges from `AccountSourceService`), and what `posts` asks
//! about accounts.
//!
//! Promises: at most one account per platform and workspace, whatever runs at once; a state connects once; tokens are
//! encrypted at rest, never leave this service, and are destroyed with the connection.

mod account;
mod config;
mod error;
mod housekeeping;
mod networks;
mod rpc;
mod states;
mod store;
mod vault;

use std::sync::Arc;

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::ReachResolver,
    token::{Issuer, Verifier},
};
use postbreeze_proto::{
    internal::v1::account_source_service_server::AccountSourceServiceServer,
    v1::social_account_service_server::SocialAccountServiceServer,
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tonic::service::Routes;

pub use crate::config::Config;
use crate::{rpc::Rpc, store::Store};

/// The schema of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What the service is made of.
pub struct Parts {
    /// Its settings.
    pub config: Config,
    /// Clock, ids and background tasks.
    pub environment: Environment,
    /// Its database.
    pub database: Database,
    /// Verifies context tokens.
    pub verifier: Verifier,
    /// Signs its own.
    pub issuer: Issuer,
    /// How much it takes on.
    pub limits: Limits,
    /// Where allow-lists are.
    pub identity: Peer,
    /// Where memberships are.
    pub workspaces: Peer,
}

/// The whole service.
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let store = Store::new(&parts.database);
    housekeeping::start(&parts.environment, &store, parts.issuer, parts.workspaces.clone());
    let rpc = Arc::new(Rpc {
        store,
        environment: parts.environment.clone(),
        vault: parts.config.vault,
        states: parts.config.states,
    });
    let routes = Routes::new(SocialAccountServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(AccountSourceServiceServer::from_arc(rpc));
    let database = parts.database;
    let health = Health::of(&["postbreeze.v1.SocialAccountService"]).when("database", move || {
        let database = database.clone();
        async move { database.is_ready().await }
    });
    let resolver = ReachResolver::asking(&parts.workspaces, &parts.identity);
    owner(
        routes,
        Guard { verifier: parts.verifier, resolver },
        health,
        parts.limits,
        &parts.environment,
    )
}
