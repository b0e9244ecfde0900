//! What `build.rs` generates from `proto/`. Lints do not apply to it.

/// The public API, package `postbreeze.v1`.
pub mod v1 {
    #![expect(clippy::pedantic, reason = "generated code")]
    #![expect(clippy::allow_attributes, reason = "generated code")]
    tonic::include_proto!("postbreeze.v1");
}

/// Between services only.
pub mod internal {
    /// Package `postbreeze.internal.v1`.
    pub mod v1 {
        #![expect(clippy::pedantic, reason = "generated code")]
        #![expect(clippy::allow_attributes, reason = "generated code")]
        tonic::include_proto!("postbreeze.internal.v1");
    }
}
