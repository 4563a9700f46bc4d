//! What cargo itself checks, and the shape of the code.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use crate::Result;
use crate::command::cargo;
use crate::command::command;
use crate::command::read;
use crate::command::run;
use crate::debian;
use crate::machine;
use crate::programs;
use crate::workspace;

/// Packages outside of the workspace, each with a lock file of its own.
const OUTSIDE: [&str; 5] = ["benches/llb", EXAMPLES[0], EXAMPLES[1], EXAMPLES[2], FUZZ];
const EXAMPLES: [&str; 3] =
    ["examples/buildpacks/procfile", "examples/custom-backend", "examples/custom-store"];
const FUZZ: &str = "fuzz";
/// A file that is longer holds more than one concept.
const MAX_LINES: usize = 700;

pub(super) fn fmt() -> Result<()> {
    run(&mut cargo(["fmt", "--all", "--check"]))?;
    for package in OUTSIDE {
        run(outside(&mut cargo(["fmt", "--check"]), package))?;
    }
    shape()
}

pub(super) fn clippy() -> Result<()> {
    run(&mut cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "--deny",
        "warnings",
    ]))?;
    for package in OUTSIDE {
        let mut clippy = cargo(["clippy", "--locked", "--all-targets"]);
        run(outside(&mut clippy, package).args(["--", "--deny", "warnings"]))?;
    }
    Ok(())
}

pub(super) fn features() -> Result<()> {
    for package in workspace::packages()? {
        let name = package["name"].as_str().ok_or("a package has no name")?;
        let features = package["features"].as_object().ok_or("a package has no list of features")?;
        let named: Vec<&str> =
            features.keys().map(String::as_str).filter(|name| *name != "default").collect();
        let none = (!named.is_empty()).then_some("");
        for feature in none.into_iter().chain(named) {
            run(&mut cargo(["check", "--package", name, "--no-default-features", "--features", feature]))?;
        }
    }
    Ok(())
}

pub(super) fn unit() -> Result<()> {
    run(tests().arg("--no-fail-fast"))
}

/// The tests of cnb-oci that need more of the machine.
pub(super) fn local() -> Result<()> {
    machine::prepare()?;
    debian::ensure(&["docker-registry", "openssl", "skopeo"])?;
    let mut tests = ignored_tests(&["helper", "local", "registry"]);
    run(tests.env("CNB_TEST_PROGRAMS", programs::with_probe()?))
}

/// The tests of some test targets that are ignored but in a stage of their own.
pub(super) fn ignored_tests(targets: &[&str]) -> Command {
    let mut command = tests();
    command.args(targets.iter().flat_map(|target| ["--test", target])).args(["--", "--ignored"]);
    command
}

/// All packages with all features, whatever tests are wanted of them: so what they depend on has the same features in all
/// stages, and is compiled once.
fn tests() -> Command {
    cargo(["test", "--workspace", "--all-features"])
}

pub(super) fn examples() -> Result<()> {
    for package in EXAMPLES {
        run(outside(&mut cargo(["test", "--locked"]), package))?;
    }
    Ok(())
}

/// The fuzzers themselves need more: see `cargo xtask fuzz`.
pub(super) fn corpus() -> Result<()> {
    run(outside(&mut cargo(["test", "--locked"]), FUZZ))
}

pub(super) fn doc() -> Result<()> {
    let mut doc = cargo(["doc", "--workspace", "--all-features", "--no-deps", "--exclude", "xtask"]);
    run(doc.env("RUSTDOCFLAGS", "-D warnings"))
}

/// `cargo add cnb-llb` must not bring in a runtime, a transport or the rest of the house.
pub(super) fn tree() -> Result<()> {
    let tree = read(&mut cargo(["tree", "--package", "cnb-llb", "--edges", "normal", "--prefix", "none"]))?;
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split(' ').next()).collect();
    let forbidden = |name: &&&str| {
        matches!(**name, "oci-spec" | "prost" | "tokio" | "tonic")
            || (name.starts_with("cnb-") && **name != "cnb-llb")
    };
    let found: Vec<&str> = crates.iter().filter(forbidden).copied().collect();
    println!("cnb-llb depends on {} crates", crates.len() - 1);
    if found.is_empty() { Ok(()) } else { Err(format!("cnb-llb depends on {}", found.join(", ")).into()) }
}

/// A package outside of the workspace. It is compiled into the same directory: what it has in common with the workspace,
/// at the same version and with the same features, is compiled once.
fn outside<'a>(cargo: &'a mut Command, package: &str) -> &'a mut Command {
    cargo.args(["--manifest-path", &format!("{package}/Cargo.toml")]);
    cargo.env("CARGO_TARGET_DIR", workspace::target())
}

fn shape() -> Result<()> {
    let files = read(command("git").args(["ls-files", "--cached", "--", "*.rs"]))?;
    let mut long = Vec::new();
    for file in files.lines() {
        let lines = fs::read_to_string(workspace::root().join(file)).map_or(0, |text| text.lines().count());
        if lines > MAX_LINES {
            long.push(format!("{file} has {lines} lines, more than {MAX_LINES}"));
        }
    }
    if long.is_empty() { Ok(()) } else { Err(long.join("\n").into()) }
}
