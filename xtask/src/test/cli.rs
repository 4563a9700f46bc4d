//! The program `cnb` as people meet it.

use super::rust::ignored_tests;
use crate::Result;
use crate::command::run;
use crate::debian;
use crate::machine;
use crate::programs;

/// The tests of cnb-cli that run containers; everywhere else they are ignored.
pub(super) fn run_tests() -> Result<()> {
    if !debian::is_root() {
        return Err("these tests need root: they mount small disks".into());
    }
    machine::prepare()?;
    debian::ensure(&["busybox-static", "docker-registry", "runc", "skopeo"])?;
    programs::dist()?;
    run(ignored_tests(&["cli"]).env("CNB_TEST_PROGRAMS", programs::directory()))
}
