//! The `media` service: the library of pictures, videos and documents of each workspace.
//!
//! It owns a database, lives and is probed as every owner; its RPCs are not served yet and answer UNIMPLEMENTED.

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::ReachResolver,
    token::Verifier,
};
use postbreeze_proto::v1::media_service_server::{MediaService, MediaServiceServer};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tonic::service::Routes;

/// The schema of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What the service is made of.
pub struct Parts {
    /// Clock, ids and background tasks.
    pub environment: Environment,
    /// Its database.
    pub database: Database,
    /// Verifies context tokens.
    pub verifier: Verifier,
    /// How much it takes on.
    pub limits: Limits,
    /// Where allow-lists are.
    pub identity: Peer,
    /// Where memberships are.
    pub workspaces: Peer,
}

struct Rpc;

impl MediaService for Rpc {}

/// The whole service.
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let database = parts.database;
    let health = Health::of(&["postbreeze.v1.MediaService"]).when("database", move || {
        let database = database.clone();
        async move { database.is_ready().await }
    });
    let resolver = ReachResolver::asking(&parts.workspaces, &parts.identity);
    let routes = Routes::new(MediaServiceServer::new(Rpc));
    owner(
        routes,
        Guard { verifier: parts.verifier, resolver },
        health,
        parts.limits,
        &parts.environment,
    )
}
