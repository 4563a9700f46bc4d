//! `cargo xtask test`: everything that has to hold, stage by stage.

use std::time::Duration;
use std::time::Instant;

use crate::Result;
use crate::engine::buildkitd;
use crate::programs;

mod apps;
mod cli;
pub(crate) mod docker;
mod engines;
mod faults;
mod labels;
mod lifecycle;
mod package;
mod rust;
mod same;
mod step;
mod vectors;

/// One thing that has to hold, callable alone.
struct Stage {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<()>,
}

const STAGES: &[Stage] = &[
    Stage { name: "fmt", about: "the code is formatted", run: rust::fmt },
    Stage { name: "clippy", about: "no lint warns", run: rust::clippy },
    Stage { name: "features", about: "each feature builds alone", run: rust::features },
    Stage { name: "unit", about: "tests that need nothing but cargo", run: rust::unit },
    Stage { name: "doc", about: "the documentation builds without a warning", run: rust::doc },
    Stage { name: "tree", about: "cnb-llb depends on little", run: rust::tree },
    Stage { name: "dist", about: "the programs are static", run: programs::dist },
    Stage {
        name: "local",
        about: "containers as root and rootless, and a registry of others",
        run: rust::local,
    },
    Stage { name: "faults", about: "the lifecycle survives kills and full disks", run: faults::run_tests },
    Stage { name: "cli", about: "cnb says what is wrong and cleans up after itself", run: cli::run_tests },
    Stage { name: "vectors", about: "the lifecycle does what the Go lifecycle did", run: vectors::run },
    Stage {
        name: "corpus",
        about: "the inputs of the fuzzers hold, all findings among them",
        run: rust::corpus,
    },
    Stage { name: "examples", about: "the tests of the examples themselves", run: rust::examples },
    Stage { name: "apps", about: "the example applications become images that answer", run: apps::run },
    Stage { name: "same", about: "one image ID for every user, directory, umask and cache", run: same::run },
    Stage {
        name: "engines",
        about: "Docker Engine with either store builds, pushes, pulls and runs",
        run: engines::run,
    },
    Stage {
        name: "docker",
        about: "`docker build` makes the example applications, with either store",
        run: docker::run,
    },
    Stage { name: "package", about: "the packed crates build outside of here", run: package::package },
];

/// Compares with what is not in the repository: one of all stages only when somebody has it and says where.
const LIFECYCLE: Stage = Stage {
    name: "lifecycle",
    about: "builds with the Go lifecycle, and what it builds itself",
    run: lifecycle::run,
};

/// How much of an error is repeated at the end.
const LAST_LINES: usize = 40;

/// Runs the named stages, or all. One that fails does not stop the next.
///
/// # Errors
/// When a stage failed, or there is none of that name.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    let stages = chosen(names)?;
    let results: Vec<(&Stage, Duration, Result<()>)> = stages.into_iter().map(timed).collect();
    println!("\nstages:");
    for (stage, time, result) in &results {
        let word = if result.is_ok() { "ok    " } else { "FAILED" };
        println!("  {word} {:<10} {:>7.1} s  {}", stage.name, time.as_secs_f64(), stage.about);
    }
    let failed = results.iter().filter(|(_, _, result)| result.is_err()).count();
    println!("{} passed, {failed} failed", results.len() - failed);
    if names.is_empty() && !lifecycle::is_wanted() {
        println!("nothing was compared with the Go lifecycle: {} is not set", lifecycle::VARIABLE);
    }
    if names.is_empty() && !buildkitd::is_wanted() {
        println!("nothing was built on a stock buildkitd: {} is not set", buildkitd::VARIABLE);
    }
    for (stage, _, result) in &results {
        if let Err(error) = result {
            println!("\n{} FAILED:\n{}", stage.name, abridged(&error.to_string()));
        }
    }
    if failed == 0 { Ok(()) } else { Err("some stages failed: see above".into()) }
}

/// The first line of an error and the last ones: whoever shows a log may have cut all that is above.
fn abridged(error: &str) -> String {
    let lines: Vec<&str> = error.trim_end().lines().collect();
    match lines.as_slice() {
        [first, middle @ ..] if middle.len() > LAST_LINES => {
            let last = &middle[middle.len() - LAST_LINES..];
            format!("{first}\n[...]\n{}", last.join("\n"))
        }
        _ => lines.join("\n"),
    }
}

/// The stages, one a line.
pub(crate) fn list() -> String {
    let lines: Vec<String> =
        STAGES.iter().map(|stage| format!("  {:<10} {}", stage.name, stage.about)).collect();
    let Stage { name, about, .. } = &LIFECYCLE;
    format!("{}\n  {name:<10} {about}; with {}=DIR only", lines.join("\n"), lifecycle::VARIABLE)
}

fn chosen(names: &[&str]) -> Result<Vec<&'static Stage>> {
    if names.is_empty() {
        let compared = lifecycle::is_wanted().then_some(&LIFECYCLE);
        return Ok(STAGES.iter().chain(compared).collect());
    }
    names.iter().map(|name| find(name)).collect()
}

fn find(name: &str) -> Result<&'static Stage> {
    let stage = STAGES.iter().chain([&LIFECYCLE]).find(|stage| stage.name == name);
    stage.ok_or_else(|| format!("no stage is called `{name}`; there are:\n{}", list()).into())
}

fn timed(stage: &'static Stage) -> (&'static Stage, Duration, Result<()>) {
    println!("\n=== {}: {}", stage.name, stage.about);
    let start = Instant::now();
    let result = (stage.run)();
    let time = start.elapsed();
    match &result {
        Ok(()) => println!("--- {} ok, {:.1} s", stage.name, time.as_secs_f64()),
        Err(error) => println!("--- {} FAILED, {:.1} s: {error}", stage.name, time.as_secs_f64()),
    }
    (stage, time, result)
}
