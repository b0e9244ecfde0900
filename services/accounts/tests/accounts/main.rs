//! The service as a client sees it: through the front door of a whole system, on databases of its own for each test.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

mod complete_connect;
mod deleted_workspace;
mod disconnect_social_account;
mod get_social_account;
mod list_social_accounts;
mod replays;
mod start_connect;
