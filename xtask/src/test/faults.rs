//! The lifecycle when it is killed, and when disks are full; `cnb cache prune` when it is killed.

use super::rust::ignored_tests;
use crate::Result;
use crate::command::run;
use crate::debian;

/// The tests of cnb-lifecycle and cnb-cli that mount disks and trace processes; everywhere else they are ignored. What they print
/// says how to repeat them.
pub(super) fn run_tests() -> Result<()> {
    if !debian::is_root() {
        return Err("these tests need root: they mount small disks".into());
    }
    debian::ensure(&["strace"])?;
    run(ignored_tests(&["faults"]).arg("--nocapture"))
}
