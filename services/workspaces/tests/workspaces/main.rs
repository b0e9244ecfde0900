//! The service as a client sees it: through gRPC, in process, on a Postgres database of its own for each test.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

mod accept_invitation;
mod change_subscription;
mod concurrency;
mod create_workspace;
mod delete_workspace;
mod get_entitlements;
mod get_reach;
mod get_subscription;
mod get_workspace;
mod internal_entitlements;
mod invite_member;
mod leave_workspace;
mod list_invitations;
mod list_members;
mod list_plans;
mod list_workspaces;
mod lost_authority;
mod read_workspace_log;
mod remove_member;
mod revoke_invitation;
mod transfer_ownership;
mod update_member;
mod update_workspace;
