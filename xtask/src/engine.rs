//! Real engines for tests: Docker Engine with its BuildKit, a `buildkitd` that somebody has, and a registry.
//!
//! Their programs come from Debian packages that are unpacked but not installed. All of it listens on loopback and on
//! unix sockets, keeps its data below `target/engines`, and ends with this process, however that ends.

use std::path::PathBuf;

use crate::Result;

pub(crate) mod buildkitd;
pub(crate) mod container;
pub(crate) mod docker;
pub(crate) mod registry;

mod cgroups;
mod daemon;
mod packages;
mod run;

/// A static program with many others in it, among them a shell and an HTTP server.
///
/// # Errors
/// When Debian's packages cannot be had.
pub(crate) fn busybox() -> Result<PathBuf> {
    Ok(packages::root()?.join("usr/bin/busybox"))
}
