//! Who the phases run as.

use rustix::process::getuid;

use super::failure::Failure;

/// Phases that run code of buildpacks do not run as root.
pub(super) fn refuse_root(phase: &str) -> Result<(), Failure> {
    if getuid().is_root() { Err(Failure::new(phase, "refusing to run as root")) } else { Ok(()) }
}
