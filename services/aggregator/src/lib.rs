//! The aggregator: the only public endpoint.
//!
//! It authenticates every call ([`edge`]), forwards most of them to their owner without decoding them, and answers what
//! needs several owners itself: the lists of posts, social accounts and comments, which it fans out to every source and
//! merges ([`merge`], [`fan_out`]), and `GetUsage`. It has no database and keeps no state that a second replica would
//! miss.
//!
//! Promises: what a client sends as context is thrown away; a list is exact over its pages, and partial rather than
//! failed when a source is down.

mod config;
mod edge;
mod error;
mod fan_out;
mod merge;
mod owners;
mod rpc;

use std::sync::Arc;

use postbreeze_context::{
    resolve::{PeerCallers, ReachResolver},
    token::Issuer,
};
use postbreeze_proto::{
    PUBLIC_DESCRIPTORS,
    page::TokenKey,
    v1::{
        billing_service_server::BillingServiceServer, comment_service_server::CommentServiceServer,
        post_service_server::PostServiceServer,
        social_account_service_server::SocialAccountServiceServer,
    },
};
use postbreeze_runtime::{
    BoxService, Environment,
    health::Health,
    serve::compose,
    stack::{Limits, Place},
};
use tonic::service::Routes;
use tower::util::BoxCloneSyncService;

pub use crate::{
    config::Config,
    owners::{Owners, Source, Sources},
};
use crate::{edge::Edge, rpc::Rpc};

/// What the aggregator is made of.
pub struct Parts {
    /// Seals page tokens.
    pub page_tokens: TokenKey,
    /// Clock, ids and background tasks.
    pub environment: Environment,
    /// Signs context tokens.
    pub issuer: Issuer,
    /// How much it takes on.
    pub limits: Limits,
    /// The services behind it.
    pub owners: Owners,
}

/// Every service of the public API that is served, for health.
const SERVICES: &[&str] = &[
    "postbreeze.v1.UserService",
    "postbreeze.v1.ApiKeyService",
    "postbreeze.v1.WorkspaceService",
    "postbreeze.v1.MemberService",
    "postbreeze.v1.BillingService",
    "postbreeze.v1.SocialAccountService",
    "postbreeze.v1.PostService",
    "postbreeze.v1.CommentService",
    "postbreeze.v1.WebhookService",
    "postbreeze.v1.MediaService",
];
const NEED_POSTS: &[&str] =
    &["postbreeze.v1.PostService", "postbreeze.v1.CommentService", "postbreeze.v1.WebhookService"];
const NEED_ACCOUNTS: &[&str] = &["postbreeze.v1.SocialAccountService"];
const NEED_MEDIA: &[&str] = &["postbreeze.v1.MediaService"];

/// The whole service.
///
/// # Errors
/// When the descriptors that reflection serves cannot be read.
pub fn service(parts: Parts) -> Result<BoxService, tonic_reflection::server::Error> {
    let owners = parts.owners;
    let rpc = Arc::new(Rpc {
        page_tokens: parts.page_tokens,
        environment: parts.environment.clone(),
        posts: owners.posts.clone(),
        accounts: owners.accounts.clone(),
        workspaces: owners.workspaces.clone(),
        media: owners.media.clone(),
        resolver: ReachResolver::asking(&owners.workspaces, &owners.identity),
    });
    let merged = Routes::new(PostServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(SocialAccountServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(CommentServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(BillingServiceServer::from_arc(rpc));
    // Without these two nothing can be answered; without another only what it owns.
    let mut health = Health::of(SERVICES)
        .when_peer(owners.identity.clone())
        .when_peer(owners.workspaces.clone())
        .when_peer_for(NEED_MEDIA, owners.media.clone());
    for (services, sources) in [(NEED_POSTS, &owners.posts), (NEED_ACCOUNTS, &owners.accounts)] {
        for source in sources.all() {
            health = health.when_peer_for(services, source.peer.clone());
        }
    }
    let edge = Edge::new(
        Arc::new(PeerCallers(owners.identity.clone())),
        parts.issuer,
        owners,
        merged.prepare(),
    );
    let edge: BoxService = BoxCloneSyncService::new(edge);
    Ok(compose(edge, Some(reflection()?), health, Place::Edge, parts.limits, &parts.environment))
}

/// Reflection of the public API and of health, in both versions that clients speak.
fn reflection() -> Result<Routes, tonic_reflection::server::Error> {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(PUBLIC_DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    Ok(Routes::new(builder().build_v1()?).add_service(builder().build_v1alpha()?))
}
