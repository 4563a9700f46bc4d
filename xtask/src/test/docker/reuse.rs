//! What `cnb build --backend docker` uses again: the table of cnb-cli, with an engine.

use super::Place;
use crate::Result;
use crate::command::run;
use crate::debian;
use crate::programs;
use crate::test::rust::ignored_tests;
use crate::test::step::timed;

/// The table of `cnb-cli/tests/cli/reuse.rs`. Its builders are in layouts, which only an engine with containerd reads.
pub(super) fn check(place: &Place<'_>) -> Result<()> {
    debian::ensure(&["busybox-static"])?;
    timed("what cnb build --backend docker uses again", || {
        let mut test = ignored_tests(&["cli"]);
        // cargo hands it on to the tests.
        test.arg("reuse::").env("CARGO_TERM_QUIET", "true");
        let docker = place.engine.docker();
        test.envs(docker.get_envs().filter_map(|(name, value)| Some((name, value?))));
        test.env("CNB_TEST_PROGRAMS", programs::directory()).env("CNB_TEST_BACKEND", "docker");
        run(&mut test)
    })
}
