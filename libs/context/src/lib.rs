//! Tenancy, in one place: who calls ([`caller`]), which workspaces they reach ([`reach`]), what a role may do
//! ([`action`]), and the only way to a row that was found by id ([`claim`]).
//!
//! A [`credential`] becomes a caller at the aggregator; the caller travels in a signed [`token`]; the [`interceptor`]
//! of every owner verifies it, applies the [`policy`] of the RPC, resolves the reach through [`resolve`], and hands
//! the handler one value: [`WorkspaceContext`]. An [`owner`] is put together from these; [`workspace_log`] tells it of
//! workspaces that are gone.

pub mod action;
pub mod caller;
pub mod claim;
pub mod credential;
pub mod denied;
pub mod interceptor;
pub mod owner;
pub mod policy;
pub mod reach;
pub mod resolve;
pub mod token;
pub mod workspace_log;

pub use action::{Action, Role};
pub use caller::{Caller, Permission};
pub use claim::{Admitted, Claim, WorkspaceContext};
pub use denied::Denied;
pub use reach::{Reach, Scope};
