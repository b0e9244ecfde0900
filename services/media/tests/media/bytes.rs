//! The tests of what touches bytes: they run on every kind of object store.

mod complete_upload;
mod delete_media;
mod deleted_workspace;
mod get_media;
mod hold_media;
mod ingest_from_url;
mod lapses;
mod presign_upload;
mod puts;
mod quota;
mod share_media;
