//! The labels of an application image.
//!
//! The structs serialise to the keys and in the order of the Go lifecycle; write them with
//! [`go_json::to_string`](crate::encode::go_json::to_string) to get its bytes.

pub mod build;
pub mod builder;
pub mod lifecycle;
pub mod project;

/// The execution environment an image was built for, as plain text; from Platform API 0.15 on.
pub const EXEC_ENV: &str = "io.buildpacks.exec-env";
/// The distribution of a base image.
pub const BASE_DISTRO_NAME: &str = "io.buildpacks.base.distro.name";
/// The version of the distribution of a base image.
pub const BASE_DISTRO_VERSION: &str = "io.buildpacks.base.distro.version";
/// The identifier of a base image's target.
pub const BASE_ID: &str = "io.buildpacks.base.id";
