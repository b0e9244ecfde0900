//! The `identity` service: users, sessions and API keys.
//!
//! Tables: `users`, `user_emails`, `sessions`, `api_keys`, `api_key_workspaces`, `api_key_secrets`. RPCs: `UserService`,
//! `ApiKeyService`, and what other services ask: whose credential a hash is, a key's allow-list, users' profiles.
//!
//! Promises: a secret is shown once and kept as its SHA-256; what was taken away is not accepted by any call that starts
//! after the answer; an unknown email and a wrong password answer alike, and take alike long.

mod config;
mod credentials;
mod email;
mod error;
mod passwords;
mod rpc;
mod store;
mod touches;

use std::sync::Arc;

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::{PeerMemberships, ReachResolver},
    token::Verifier,
};
use postbreeze_proto::{
    internal::v1::{
        credential_service_server::CredentialServiceServer,
        profile_service_server::ProfileServiceServer,
    },
    v1::{api_key_service_server::ApiKeyServiceServer, user_service_server::UserServiceServer},
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tonic::service::Routes;

pub use crate::config::Config;
use crate::{
    credentials::StoredKeyScopes, passwords::Passwords, rpc::Rpc, store::Store, touches::Touches,
};

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
    /// How much it takes on.
    pub limits: Limits,
    /// Where memberships and names of workspaces are.
    pub workspaces: Peer,
}

/// The whole service.
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let store = Store::new(&parts.database);
    let touches = Touches::start(&parts.environment, &store);
    let rpc = Arc::new(Rpc {
        store: store.clone(),
        environment: parts.environment.clone(),
        passwords: Passwords::new(),
        page_tokens: parts.config.page_tokens,
        touches,
        workspaces: parts.workspaces.clone(),
    });
    let routes = Routes::new(UserServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(ApiKeyServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(CredentialServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(ProfileServiceServer::from_arc(rpc));
    let database = parts.database;
    let health = Health::of(&["postbreeze.v1.UserService", "postbreeze.v1.ApiKeyService"])
        .when_database(database);
    let resolver = ReachResolver::new(
        Arc::new(PeerMemberships(parts.workspaces)),
        Arc::new(StoredKeyScopes(store)),
    );
    owner(
        routes,
        Guard { verifier: parts.verifier, resolver },
        health,
        parts.limits,
        &parts.environment,
    )
}
