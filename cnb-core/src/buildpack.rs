//! The documents of a buildpack and of an image extension, and those that name them.
//!
//! Source of the keys: the Buildpack and Platform Interface Specifications; of what is read leniently:
//! the Go lifecycle's `buildpack/` and `platform/files/`.

pub mod bom;
pub mod build;
pub mod descriptor;
pub mod dockerfile;
pub mod extend_config;
pub mod extension;
pub mod group;
pub mod launch;
pub mod layer;
pub mod order;
pub mod plan;
pub mod stack;
pub mod store;
pub mod system;
pub mod target;

/// Tells serde to leave a flag out that is not set, as Go's `omitempty` does.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !*flag
}
