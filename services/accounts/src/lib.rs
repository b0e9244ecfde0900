//! The `accounts` service: social accounts, and the border to the networks. It alone holds tokens and speaks to networks.
//!
//! - **Tables**: `accounts`, `account_tokens`, `connect_states`, the heads that make lists over many workspaces cheap,
//!   `account_log`, `sendings`, `mastodon_apps`, and what the network inside the system has (`sandbox_*`).
//! - **RPCs**: `SocialAccountService` (but its list, which the aggregator merges from `AccountSourceService`), what `posts`
//!   asks about accounts and has done on the networks (`NetworkService`), `AccountLogService`, and `SandboxService` where
//!   the operator allows it.
//! - **Promises**: at most one account per platform and workspace, whatever runs at once; a state connects once; tokens are
//!   encrypted at rest, never leave this service, and are destroyed with the connection; of all replicas one refreshes a
//!   token at a time; what is sent has a key, and what became of it is told as it is known: never that the network does not
//!   have what it may have.

mod account;
mod config;
mod error;
mod housekeeping;
mod networks;
mod refresh;
mod rpc;
mod states;
mod store;
mod token;
mod vault;

use std::sync::Arc;

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::ReachResolver,
    token::{Issuer, Verifier},
};
use postbreeze_proto::{
    internal::v1::{
        account_log_service_server::AccountLogServiceServer,
        account_source_service_server::AccountSourceServiceServer,
        network_service_server::NetworkServiceServer,
    },
    v1::{
        sandbox_service_server::SandboxServiceServer,
        social_account_service_server::SocialAccountServiceServer,
    },
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tonic::service::Routes;

pub use crate::config::Config;
use crate::{networks::Networks, refresh::Refresher, rpc::Rpc, store::Store};

/// The name under which health tells whether the log of deleted workspaces is followed, every entry of it.
const LOGS: &str = "logs";

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
    let (store, config) = (Store::new(&parts.database), parts.config);
    let vault = Arc::new(config.vault);
    let networks = Networks::new(&config.networks, &store, &vault, &parts.environment);
    let refresher = Arc::new(Refresher::new(
        store.clone(),
        Arc::clone(&vault),
        networks.clone(),
        parts.environment.clone(),
    ));
    Arc::clone(&refresher).start();
    let workspace_log = housekeeping::start(
        &parts.environment,
        &store,
        &vault,
        parts.issuer,
        parts.workspaces.clone(),
    );
    let rpc = Arc::new(Rpc {
        store,
        environment: parts.environment.clone(),
        vault,
        states: config.states,
        page_tokens: config.page_tokens,
        networks,
        refresher,
    });
    let mut routes = Routes::new(SocialAccountServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(AccountSourceServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(AccountLogServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(NetworkServiceServer::from_arc(Arc::clone(&rpc)));
    if config.sandbox_commands {
        routes = routes.add_service(SandboxServiceServer::from_arc(rpc));
    }
    let database = parts.database;
    let health = Health::of(&["postbreeze.v1.SocialAccountService", LOGS]).when_database(database);
    // One entry that fails takes nothing out of service.
    let health = health.when_for(&[LOGS], "entries of logs", move || {
        let is_sound = workspace_log.is_sound();
        async move { is_sound }
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
