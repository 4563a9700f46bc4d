//! The phase `restore`.

use super::Invocation;
use super::failure::Failure;

/// Says that this lifecycle does not have the phase.
pub(super) fn run(_: &Invocation) -> Result<(), Failure> {
    Err(Failure::new("restore", "this lifecycle does not have the phase"))
}
