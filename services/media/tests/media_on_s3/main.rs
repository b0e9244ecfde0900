//! The tests of `media` that touch bytes, once more, on an S3 server that verifies signatures: the same code, another
//! `store`.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

mod store;
#[path = "../media/support.rs"]
mod support;

#[path = "../media/bytes.rs"]
mod bytes;
#[path = "../media/discard_media.rs"]
mod discard_media;
