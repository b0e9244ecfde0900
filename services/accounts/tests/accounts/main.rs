//! The service as a client sees it: through the front door of a whole system, on databases of its own for each test.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod canned;
mod replica;
mod server;
mod support;

mod add_sandbox_comment;
mod complete_connect;
mod deleted_workspace;
mod disconnect_social_account;
mod fetch_comments;
mod find_comment;
mod find_published;
mod get_social_account;
mod list_sandbox_calls;
mod list_social_accounts;
mod publish;
mod publish_comment;
mod read_account_log;
mod refresh;
mod replays;
mod rotation;
mod set_sandbox_behavior;
mod start_connect;
