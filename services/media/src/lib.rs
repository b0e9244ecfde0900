//! The `media` service: the library of pictures, videos and documents of each workspace.
//!
//! Tables: `media`, `folders`, `media_usage` (the storage of owners), `media_posts` and `media_uses` (what posts keep), and
//! which workspaces are gone. RPCs: `MediaService`, and what `posts` asks about media. Bytes are in an object store
//! ([`storage`]) and pass this service only when it fetches them itself.
//!
//! Promises: storage is never oversold and never leaks, since it is charged and given back in the transaction that changes
//! the medium; what a medium is was decided by its content before anybody could use it; a medium that a post keeps is not
//! deleted; bytes go after their medium, never before, and they do go, whatever dies in between.

mod config;
pub mod content;
mod error;
mod folder;
mod housekeeping;
mod ingest;
mod intake;
mod medium;
mod purge;
mod rpc;
pub mod storage;
mod store;
mod turns;

use std::sync::Arc;

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::ReachResolver,
    token::{Issuer, Verifier},
};
use postbreeze_proto::{
    internal::v1::media_source_service_server::MediaSourceServiceServer,
    v1::media_service_server::MediaServiceServer,
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tokio::{net::TcpListener, sync::Notify};
use tonic::service::Routes;

pub use crate::config::Config;
use crate::{rpc::Rpc, storage::Storage, store::Store, turns::Turns};

/// The name under which health tells whether the log of deleted workspaces is followed, every entry of it.
const LOGS: &str = "logs";

/// The schema of this service's database.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What the service is made of.
pub struct Parts {
    /// Its settings.
    pub config: Config,
    /// Where the bytes are.
    pub storage: Storage,
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
    /// Where memberships, owners and plans are.
    pub workspaces: Peer,
}

/// The whole service, but for [`serve_bytes`].
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let store = Store::new(&parts.database);
    let purge = Arc::new(Notify::new());
    let workspace_log = housekeeping::start(
        &parts.environment,
        &store,
        &parts.storage,
        &purge,
        parts.issuer,
        parts.workspaces.clone(),
    );
    let rpc = Arc::new(Rpc {
        store,
        storage: parts.storage,
        egress: parts.config.egress,
        environment: parts.environment.clone(),
        page_tokens: parts.config.page_tokens,
        workspaces: parts.workspaces.clone(),
        ingestions: Turns::new(),
        purge,
    });
    let routes = Routes::new(MediaServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(MediaSourceServiceServer::from_arc(rpc));
    let database = parts.database;
    // Not of the object store's health: without it media can still be listed, moved and kept.
    let health = Health::of(&["postbreeze.v1.MediaService", LOGS]).when_database(database);
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

/// Serves what signed URLs reach, where that is this process; takes requests until the process drains.
pub fn serve_bytes(storage: &Storage, listener: TcpListener, environment: &Environment) {
    if let Some(http) = storage.http() {
        let draining = environment.background.draining().clone();
        environment.background.spawn(http.serve(listener, draining));
    }
}
