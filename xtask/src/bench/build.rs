//! What `cnb build` costs.

use std::process::Command;

use super::fixture;
use super::floor::Floor;
use super::measured::Measured;
use super::seconds;
use crate::Result;
use crate::debian;
use crate::example;
use crate::programs;

/// Builds without a change that are made; the one in the middle counts.
const ROUNDS: usize = 5;

/// Measures, and prints tables.
///
/// # Errors
/// When a build fails.
pub(super) fn run() -> Result<()> {
    debian::ensure(&["binutils", "busybox-static", "ca-certificates", "runc"])?;
    programs::dist()?;
    fixture::make()?;
    large_layer()?;
    no_change("an application of one small layer", || Ok(fixture::build("small", true)))?;
    let flask = || {
        let mut build = example::cnb();
        build.args(["build", "examples/apps/flask", "--builder", &example::image("builder")]);
        build.args(["--output", &example::image("flask"), "--json"]).args(example::bindings::arguments()?);
        Ok(build)
    };
    if example::layout::image_id(&example::images(), "builder").is_err() {
        println!("\nno figures of the Flask application: `cargo xtask demo` makes its builder");
        return Ok(());
    }
    no_change("the Flask application", flask)
}

/// A layer of 1 GiB: how much memory, and how far from what it costs at least.
fn large_layer() -> Result<()> {
    let first = Measured::of(&mut fixture::build("large", false))?;
    let again = Measured::of(&mut fixture::build("large", false))?;
    let kept = Measured::of(&mut fixture::build("large", true))?;
    let floor = Floor::measure(&fixture::layer("large")?)?;
    fixture::remove_layer()?;

    println!("\n{} MB in one launch layer; goal: cnb itself needs less than 200 MB", floor.bytes / 1_000_000);
    println!("{:28} {:>9} {:>9} {:>9} {:>11}", "", "wall", "CPU", "export", "peak of cnb");
    for (name, build) in [("first build", &first), ("the same contents again", &again), ("kept", &kept)] {
        let export = seconds(build.phase("export"));
        let (wall, cpu) = (seconds(build.cost.wall), seconds(build.cost.cpu));
        println!("{name:28} {wall:>9} {cpu:>9} {export:>9} {:>8} MB", build.cost.peak_kib / 1000);
    }
    println!("\n{:28} {:>9} {:>22} {:>22}", "floor", "wall", "export of first is", "export of again is");
    for (name, floor) in [
        ("read + SHA-256, one core", floor.read_and_sha256),
        ("tar of the layer, one core", floor.layer),
        ("read + compress, all cores", floor.compress),
    ] {
        let ratio = |build: &Measured| build.phase("export").as_secs_f64() / floor.as_secs_f64();
        let (first, again) = (ratio(&first), ratio(&again));
        println!("{name:28} {:>9} {:>16.1} times {:>16.1} times", seconds(floor), first, again);
    }
    Ok(())
}

/// A build that has nothing to do, phase by phase.
fn no_change(name: &str, build: impl Fn() -> Result<Command>) -> Result<()> {
    Measured::of(&mut build()?)?;
    let rounds: Result<Vec<_>> = (0..ROUNDS).map(|_| Measured::of(&mut build()?)).collect();
    let mut rounds = rounds?;
    rounds.sort_by_key(|round| round.cost.wall);
    let middle = &rounds[ROUNDS / 2];

    println!("\nno change: {name}; goal: less than 2 s");
    println!("{:28} {:>9} {:>9}", "", "wall", "CPU");
    for phase in &middle.phases {
        println!("{:28} {:>9} {:>9}", phase.name, seconds(phase.wall), seconds(phase.cpu));
    }
    println!("{:28} {:>9} {:>9}", "all", seconds(middle.cost.wall), seconds(middle.cost.cpu));
    let (fastest, slowest) = (rounds[0].cost.wall, rounds[ROUNDS - 1].cost.wall);
    println!("of {ROUNDS} builds: {} to {}", seconds(fastest), seconds(slowest));
    Ok(())
}
