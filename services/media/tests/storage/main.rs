//! The object store as services and clients see it: what must hold holds of the directory and of an S3 server that verifies
//! signatures, both reached over sockets.

#![expect(clippy::unwrap_used, reason = "a test ends where it is surprised")]

#[macro_use]
mod support;

mod directory;
mod faults;
mod inspecting;
mod reading;
mod roots;
mod uploading;
mod writing;
