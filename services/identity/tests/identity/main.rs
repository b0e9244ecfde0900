//! The service as a client sees it: through the front door of a whole system, on databases of its own for each test.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

mod create_api_key;
mod get_api_key;
mod get_key_scope;
mod get_me;
mod held_connections;
mod list_api_keys;
mod reach;
mod revoke_api_key;
mod rotate_api_key;
mod sign_in;
mod sign_out;
mod sign_up;
mod stopped_replica;
mod touches;
mod update_api_key;
mod who_am_i;
