//! The service as a client sees it: through the front door of a whole system, on databases and an object store of its own
//! for each test, whose bytes go over a real socket.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod support;

mod complete_upload;
mod create_folder;
mod delete_folder;
mod delete_media;
mod deleted_workspace;
mod get_media;
mod get_storage_usage;
mod hold_media;
mod ingest_from_url;
mod keep_media;
mod lapses;
mod list_folders;
mod list_media;
mod look_up_media;
mod move_media;
mod presign_upload;
mod quota;
mod share_media;
mod update_folder;
mod update_media;
