//! The service as a client sees it: through the front door of a whole system, on databases and an object store of its own
//! for each test, whose bytes go over a real socket.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod store;
mod support;

// By its path, so that what it lists lies beside it.
#[path = "bytes.rs"]
mod bytes;
mod create_folder;
mod delete_folder;
mod discard_media;
mod get_storage_usage;
mod keep_media;
mod list_folders;
mod list_media;
mod look_up_media;
mod move_media;
mod update_folder;
mod update_media;
