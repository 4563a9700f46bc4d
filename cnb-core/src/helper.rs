//! What a backend that can only run commands in containers tells `cnb-helper` to do in one.
//!
//! `cnb-helper` (crate `cnb-oci`, feature `helper`) is root in a container and does there what needs a root
//! file system or several of them: `cnb-helper run PLAN` runs processes by a [`RunPlan`], `cnb-helper tree PLAN`
//! makes a tree by a [`TreePlan`], `cnb-helper layers PLAN` makes trees of layers by a [`LayersPlan`]. `PLAN`
//! is a file with the plan as JSON.
//!
//! # Paths
//! Directories that the container mounts, called roots here, are absolute paths in the container. Paths
//! *inside* such a root follow the rules of [`backend`](crate::backend): absolute, `/`-separated, without `.`
//! and `..`. Links in a root are resolved in it, and nothing leads out of it.
//!
//! # Exit codes
//! The code of a process that a plan runs is passed on. When the helper itself fails, it says
//! `cnb-helper: WHAT: CAUSE` on standard error and ends with the code that [`exit_code`] has for the kind of
//! the error.

mod layers;
mod run;
mod tree;

pub use layers::LayerPlan;
pub use layers::LayerPlanContent;
pub use layers::LayersPlan;
pub use layers::PlanParent;
pub use layers::PlanSelect;
pub use run::Owned;
pub use run::Process;
pub use run::RunPlan;
pub use tree::PlanFile;
pub use tree::PlanFileKind;
pub use tree::TreePart;
pub use tree::TreePlan;

use crate::backend::ErrorKind;

/// The helper failed: [`ErrorKind::Other`] and all kinds that have no code of their own.
pub const EXIT_OTHER: u8 = 240;
/// The helper failed: [`ErrorKind::NotFound`].
pub const EXIT_NOT_FOUND: u8 = 241;
/// The helper failed: [`ErrorKind::InvalidInput`], also when a program cannot be run.
pub const EXIT_INVALID_INPUT: u8 = 242;
/// The helper failed: [`ErrorKind::Denied`].
pub const EXIT_DENIED: u8 = 243;
/// The helper failed: [`ErrorKind::Exhausted`].
pub const EXIT_EXHAUSTED: u8 = 244;

/// The line that the helper writes to standard output before a step when a plan has several.
pub fn step_marker(name: &str) -> String {
    format!("===> {name}\n")
}

/// What the helper ends with when it fails with an error of this kind.
pub fn exit_code(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::NotFound => EXIT_NOT_FOUND,
        ErrorKind::InvalidInput => EXIT_INVALID_INPUT,
        ErrorKind::Denied => EXIT_DENIED,
        ErrorKind::Exhausted => EXIT_EXHAUSTED,
        _ => EXIT_OTHER,
    }
}

/// What kind of failure of the helper an exit code stands for; none if it is that of a process.
///
/// ```
/// use cnb_core::backend::ErrorKind;
/// use cnb_core::helper;
///
/// assert_eq!(helper::failure(241), Some(ErrorKind::NotFound));
/// assert_eq!(helper::failure(1), None);
/// ```
pub fn failure(exit_code: i32) -> Option<ErrorKind> {
    match u8::try_from(exit_code).ok()? {
        EXIT_OTHER => Some(ErrorKind::Other),
        EXIT_NOT_FOUND => Some(ErrorKind::NotFound),
        EXIT_INVALID_INPUT => Some(ErrorKind::InvalidInput),
        EXIT_DENIED => Some(ErrorKind::Denied),
        EXIT_EXHAUSTED => Some(ErrorKind::Exhausted),
        _ => None,
    }
}
