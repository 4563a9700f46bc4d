//! The local backend in containers of an OCI runtime: as root, and rootless with a range of users and with a
//! single one.
//!
//! Needs root, an OCI runtime, `newuidmap`, the user `cnb-range` with a range of subordinate ids, and in
//! `CNB_TEST_PROGRAMS` the directory of the static `cnb-init` and `cnb-probe`: `cargo xtask test local` sees to all of them.
//! Everywhere else these tests are ignored. Where something is missing, they fail and say so.

use std::ffi::OsString;
use std::process::ExitCode;

use libtest_mimic::Arguments;
use libtest_mimic::Failed;
use libtest_mimic::Trial;

#[path = "local/conformance.rs"]
mod conformance;
#[path = "local/faults.rs"]
mod faults;
#[path = "local/image.rs"]
mod image;
#[path = "local/mode.rs"]
mod mode;
#[path = "local/network.rs"]
mod network;
#[path = "local/roots.rs"]
mod roots;
#[path = "local/users.rs"]
mod users;

use mode::Bench;
use mode::Inside;
use mode::Mode;

/// What a test does inside the namespaces of its mode. Panics when something does not hold.
type Check = fn(&Inside);

/// Run in every mode.
const CHECKS: &[(&str, Check)] = &[
    ("conformance", conformance::suite),
    ("cache", users::a_cache_can_be_forgotten),
    ("network", network::a_static_program_finds_a_host_by_its_name),
    ("no_runtime", faults::without_a_runtime_the_error_says_what_to_install),
    ("full_disk", faults::a_full_disk_is_named),
    ("corrupt", faults::a_corrupt_layer_is_never_part_of_a_root),
    ("roots", roots::a_root_stays_as_long_as_somebody_uses_it),
    ("umask", users::steps_do_not_depend_on_the_umask),
    ("user", users::a_step_runs_as_its_user_and_can_use_what_is_mounted),
];

/// Parts of tests that are more than one process.
const PARTS: &[(&str, Check)] =
    &[("sleep_until_killed", faults::sleep_until_killed), ("start_again", faults::start_again)];

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    if let Some(inside) = Inside::from_arguments(&arguments) {
        let mut checks = CHECKS.iter().chain(PARTS);
        let (_, check) = checks.find(|(name, _)| *name == inside.check).expect("a check of this file");
        check(&inside);
        return ExitCode::SUCCESS;
    }
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for mode in Mode::ALL {
        for (name, _) in CHECKS {
            let run = move || Bench::new(mode)?.run(name).map_err(Into::into);
            trials.push(trial(mode, name, run));
        }
        let killed = move || faults::a_killed_backend_leaves_nothing_running(&Bench::new(mode)?);
        trials.push(trial(mode, "killed", killed));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(mode: Mode, name: &str, run: impl FnOnce() -> Result<(), Failed> + Send + 'static) -> Trial {
    Trial::test(format!("{}::{name}", mode.name()), run).with_ignored_flag(true)
}
