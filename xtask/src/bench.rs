//! `cargo xtask bench`: what builds cost on this machine. Figures, never tests.
//!
//! Figures of one run are for comparing with each other: what else this machine does changes them by tens of
//! percent, and ratios by less.

use std::time::Duration;

use crate::Result;

mod build;
mod cost;
mod docker;
mod export;
mod fixture;
mod floor;
mod launcher;
mod llb;
mod measured;
mod real_files;
mod rebase;
mod rebuild;

/// Something to measure, callable alone.
struct Bench {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<()>,
}

/// What is measured when nothing is named.
const BENCHES: &[Bench] = &[
    Bench {
        name: "build",
        about: "`cnb build`: memory, a large layer, builds without a change",
        run: build::run,
    },
    Bench { name: "export", about: "`lifecycle`: exports and restores of 1 GB", run: export::run },
    Bench {
        name: "launcher",
        about: "`launcher`: its size, and what it adds to a start",
        run: launcher::run,
    },
    Bench {
        name: "rebase",
        about: "`cnb rebase` of an image with 1 GB of layers, in a layout and a registry",
        run: rebase::run,
    },
];

/// What needs an engine, and packages of an index.
const DOCKER: Bench = Bench {
    name: "docker",
    about: "`docker build` with the frontend, beside Dockerfiles; needs root",
    run: docker::run,
};

/// As [`DOCKER`].
const REBUILD: Bench = Bench {
    name: "rebuild",
    about: "building an application again, locally and with BuildKit, beside Dockerfiles; needs root",
    run: rebuild::run,
};

/// What needs Go.
const LLB: Bench =
    Bench { name: "llb", about: "graphs of LLB, beside what they cost others; needs Go", run: llb::measure };

/// Measures what is named, or all that needs nothing but this system, and prints tables.
///
/// # Errors
/// When something cannot be run, or there is nothing of that name.
pub(crate) fn run(names: &[&str]) -> Result<()> {
    if names.is_empty() {
        return BENCHES.iter().try_for_each(|bench| (bench.run)());
    }
    let benches: Vec<&Bench> = names.iter().map(|name| find(name)).collect::<Result<_>>()?;
    benches.into_iter().try_for_each(|bench| (bench.run)())
}

fn find(name: &str) -> Result<&'static Bench> {
    let bench = BENCHES.iter().chain([&DOCKER, &REBUILD, &LLB]).find(|bench| bench.name == name);
    bench.ok_or_else(|| format!("nothing to measure is called `{name}`; there are:\n{}", list()).into())
}

/// What can be measured, one a line.
pub(crate) fn list() -> String {
    let line = |bench: &Bench| format!("  {:<10} {}", bench.name, bench.about);
    let lines: Vec<String> = BENCHES.iter().chain([&DOCKER, &REBUILD, &LLB]).map(line).collect();
    lines.join("\n")
}

fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}

/// The one in the middle.
fn median<T: Copy + Ord>(values: impl IntoIterator<Item = T>) -> T {
    let mut values: Vec<T> = values.into_iter().collect();
    values.sort_unstable();
    values[values.len() / 2]
}
