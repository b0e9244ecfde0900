//! Owns workspaces, their teams and invitations, and the plans of users.
//!
//! - **Tables**: `workspaces`, `workspace_slugs`, `members`, `invitations`, `invitation_tokens`, `subscriptions`,
//!   `workspace_log`, `workspace_log_head`, `idempotency`.
//! - **RPCs**: `WorkspaceService`, `MemberService`, `BillingService` without `GetUsage`; for other services
//!   `ReachService`, `EntitlementService`, `WorkspaceLogService`.
//! - **Promises**: a workspace has exactly one owner at all times; who may do what changes in one transaction under the
//!   lock of the workspace's row, and counts from the answer on; a slug is never given twice; a deletion is in the log
//!   once and for ever, in the order of the commits; an invitation is used once, by the user with its address.

mod config;
mod error;
mod identity;
mod invitation;
mod member;
mod plan;
mod reach;
mod rpc;
mod slug;
mod store;
mod sweep;
mod workspace;

use std::sync::Arc;

use postbreeze_context::{
    owner::{Guard, owner},
    resolve::{PeerKeyScopes, ReachResolver},
    token::Verifier,
};
use postbreeze_runtime::{
    BoxService, Environment, health::Health, peer::Peer, postgres::Database, stack::Limits,
};
use tokio::sync::Notify;

pub use config::Config;
pub use plan::{Plan, PlanTerms, Plans, PlansError};

use crate::{identity::Identity, reach::StoredMemberships, rpc::Rpc, store::Store};

/// The service's name: of its database, in the audience of its tokens.
pub const NAME: &str = "workspaces";

/// The schema.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!();

/// What the service is put together from.
pub struct Parts {
    /// Its settings.
    pub config: Config,
    /// Clock, ids and background tasks.
    pub environment: Environment,
    /// Its database.
    pub database: Database,
    /// Verifies context tokens for [`NAME`].
    pub verifier: Verifier,
    /// How much it takes on.
    pub limits: Limits,
    /// Where keys and profiles are.
    pub identity: Peer,
}

/// The service. Its background tasks run until the environment's stop.
#[must_use]
pub fn service(parts: Parts) -> BoxService {
    let Parts { config, environment, database, verifier, limits, identity } = parts;
    let store = Store::new(&database);
    sweep::start(store.clone(), &environment);
    // Not of identity's health: the two start together, and each reads the other at each call anyway.
    let health = Health::of(rpc::NAMES).when_database(database);
    let resolver = ReachResolver::new(
        Arc::new(StoredMemberships(store.clone())),
        Arc::new(PeerKeyScopes(identity.clone())),
    );
    let rpc = Rpc {
        store,
        identity: Identity(identity),
        clock: environment.clock.clone(),
        minter: environment.minter.clone(),
        background: environment.background.clone(),
        page_tokens: config.token_key(),
        plans: config.plans,
        self_service_plans: config.self_service_plans,
        appended: Notify::new(),
    };
    owner(rpc::routes(rpc), Guard { verifier, resolver }, health, limits, &environment)
}
