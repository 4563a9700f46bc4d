//! The phase `extend`.

use super::Invocation;
use super::failure::Failure;
use super::failure::code;

/// Says that this lifecycle does not have the phase.
pub(super) fn run(_: &Invocation) -> Result<(), Failure> {
    Err(Failure::new("extend", "this lifecycle does not have the phase").with_code(code::EXTEND))
}
