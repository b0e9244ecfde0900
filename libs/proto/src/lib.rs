//! The wire: generated messages and services, and the rules that every service keeps on it.
//!
//! - [`v1`] is the public API, [`internal`] what services ask each other.
//! - [`status`] turns reasons into gRPC statuses, the closed table of codes.
//! - [`fields`] checks the fields of a request and names every one at fault.
//! - [`page`] seals and opens page tokens.
//! - [`time`] converts timestamps.

pub mod fields;
mod generated;
pub mod page;
pub mod status;
pub mod time;

pub use generated::{internal, v1};

use std::{collections::HashSet, sync::LazyLock};

use prost::Message as _;

/// Descriptors of the public API (`postbreeze.v1`), for reflection and for tests that walk every RPC.
pub const PUBLIC_DESCRIPTORS: &[u8] =
    include_bytes!(concat!(env!("OUT_DIR"), "/public_descriptors.bin"));

/// Descriptors of the public API and of what services ask each other.
const ALL_DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/all_descriptors.bin"));

/// The gRPC path of every RPC, public or not: `/postbreeze.v1.PostService/GetPost`.
pub static RPC_PATHS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let set = prost_types::FileDescriptorSet::decode(ALL_DESCRIPTORS)
        .expect("build.rs wrote the descriptors");
    set.file
        .iter()
        .flat_map(|file| file.service.iter().map(move |service| (file.package(), service)))
        .flat_map(|(package, service)| {
            service
                .method
                .iter()
                .map(move |method| format!("/{package}.{}/{}", service.name(), method.name()))
        })
        .collect()
});

/// RPCs of the public API that are not served yet, as gRPC paths. They authenticate, then answer UNIMPLEMENTED.
pub const NOT_SERVED_YET: &[&str] =
    &["/postbreeze.v1.AuditService/ListAuditEvents", "/postbreeze.v1.AuditService/VerifyAuditLog"];
