//! The `posts` service: what brands say, when, and what is answered.
//!
//! Tables: `posts`, `post_targets`, `publish_attempts`, `post_usage` (the monthly cap), `media_notices` (what `media` must
//! be told), `comments` and what says when they are fetched, `events` (the outbox), `webhooks` with their secrets and deliveries, and the heads that make lists
//! over many workspaces cheap. RPCs: `PostService`, `CommentService` (but their lists, which the aggregator merges from
//! [`PostSourceService`]), `WebhookService`, and the counters behind `GetUsage`.
//!
//! Promises: the cap is never oversold and never leaks, since a unit is taken in the transaction that needs it; a post
//! that was canceled or deleted has not gone out, nor has one of a workspace that was deleted before; what
//! a post is to show is not deleted before it has; a list shows exactly the rows of its scope; what happened reaches every
//! webhook that was to be told, at least once, or is shown as given up.
//!
//! [`PostSourceService`]: postbreeze_proto::internal::v1::post_source_service_server::PostSourceService

mod account_log;
mod bell;
pub mod comment;
mod config;
mod courier;
mod error;
pub mod event;
mod housekeeping;
mod inbox;
mod lookout;
mod networks;
mod notices;
pub mod post;
mod publisher;
mod replies;
mod rpc;
mod store;
mod text;
mod vault;
pub mod webhook;

use std::sync::Arc;

use chrono::TimeDelta;
use postbreeze_context::{
    owner::{Guard, owner},
    resolve::ReachResolver,
    token::{Issuer, Verifier},
};
use postbreeze_proto::{
    internal::v1::post_source_service_server::PostSourceServiceServer,
    v1::{
        comment_service_server::CommentServiceServer, post_service_server::PostServiceServer,
        webhook_service_server::WebhookServiceServer,
    },
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tonic::service::Routes;

pub use crate::config::Config;
use crate::{
    bell::Bells, courier::Courier, inbox::Inbox, networks::Networks, replies::Replies, rpc::Rpc,
    store::Store,
};

/// The name under which health tells whether what is due is sent.
const PUBLISHER: &str = "publisher";
/// The name under which health tells whether the logs of other services are followed, every entry of them.
const LOGS: &str = "logs";
/// Connections that only the publisher uses, so that no call and no other task keeps a post from going out: one claims and
/// renews, one writes outcomes, and one reads what is due.
const PUBLISHER_TRANSACTIONS: u32 = 2;
const PUBLISHER_STATEMENTS: u32 = 1;
/// What health tells of.
const SERVICES: &[&str] = &[
    "postbreeze.v1.PostService",
    "postbreeze.v1.CommentService",
    "postbreeze.v1.WebhookService",
    PUBLISHER,
    LOGS,
];

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
    /// Where memberships, owners and plans are.
    pub workspaces: Peer,
    /// Where accounts are.
    pub accounts: Peer,
    /// Where media are.
    pub media: Peer,
}

/// The whole service.
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let store = Store::new(&parts.database);
    let (environment, issuer, accounts) = (&parts.environment, &parts.issuer, &parts.accounts);
    let notices = notices::start(environment, &store, issuer.clone(), parts.media.clone());
    let (vault, workspaces) = (Arc::new(parts.config.vault), parts.workspaces.clone());
    let workspace_log =
        housekeeping::start(environment, &store, Arc::clone(&vault), issuer.clone(), workspaces);
    let account_log =
        account_log::follow(environment, store.clone(), issuer.clone(), accounts.clone());
    let publisher = publisher::start(publisher::Parts {
        environment: environment.clone(),
        store: Store::new(&parts.database.reserved(PUBLISHER_TRANSACTIONS, PUBLISHER_STATEMENTS)),
        common: store.clone(),
        issuer: issuer.clone(),
        accounts: accounts.clone(),
        media: parts.media.clone(),
        workspaces: parts.workspaces.clone(),
        notices: notices.clone(),
        at_once: parts.config.publish_concurrency,
        terms: publisher::Terms {
            lease: TimeDelta::from_std(parts.config.publish_lease).unwrap_or(TimeDelta::MAX),
            publish_within: parts.config.publish_deadline,
            max_lateness: TimeDelta::from_std(parts.config.publish_max_lateness)
                .unwrap_or(TimeDelta::MAX),
        },
    });
    let bells = Bells::default();
    let courier = Courier {
        store: store.clone(),
        environment: environment.clone(),
        vault: Arc::clone(&vault),
        egress: parts.config.egress.clone(),
        bells: bells.clone(),
    };
    courier.start();
    let networks = Networks { issuer: issuer.clone(), accounts: accounts.clone() };
    let inbox = Inbox {
        store: store.clone(),
        environment: environment.clone(),
        networks: networks.clone(),
        bell: bells.comments.clone(),
    };
    inbox.clone().start();
    let replies = Replies {
        store: store.clone(),
        environment: environment.clone(),
        networks,
        bell: bells.replies.clone(),
    };
    replies.start();
    lookout::start(environment, store.clone(), bells.clone());
    let rpc = Arc::new(Rpc {
        store,
        environment: parts.environment.clone(),
        page_tokens: parts.config.page_tokens,
        wake: publisher.wake(),
        workspaces: parts.workspaces.clone(),
        accounts: parts.accounts,
        media: parts.media,
        issuer: parts.issuer.clone(),
        notices,
        vault,
        egress: parts.config.egress,
        bells,
        inbox,
        replies,
    });
    let routes = Routes::new(PostServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(CommentServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(WebhookServiceServer::from_arc(Arc::clone(&rpc)))
        .add_service(PostSourceServiceServer::from_arc(rpc));
    let database = parts.database;
    let sender = publisher.clone();
    // Without `accounts` nothing is sent, but posts can still be read: the whole does not depend on it.
    let health = Health::of(SERVICES)
        .when_database(database)
        .when("turns of the publisher", move || {
            let publisher = publisher.clone();
            async move { publisher.turns() }
        })
        .when_for(&[PUBLISHER], "accounts for the publisher", move || {
            let sender = sender.clone();
            async move { sender.sends() }
        })
        // One entry that fails takes nothing out of service.
        .when_for(&[LOGS], "entries of logs", move || {
            let is_sound = workspace_log.is_sound() && account_log.is_sound();
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
