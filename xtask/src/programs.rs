//! The programs: static, because most of them run in the root file systems of others.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;

use crate::Result;
use crate::command;
use crate::command::cargo;
use crate::workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const STATIC: &str = "-C target-feature=+crt-static";
/// The packages of all static programs. Each build names all of them, and builds those programs that it wants: what
/// the programs depend on then has the same features in each build, and is compiled once.
const PACKAGES: [&str; 6] = ["cnb-cli", "cnb-core", "cnb-frontend", "cnb-lifecycle", "cnb-llb", "cnb-oci"];
const PROGRAMS: [&str; 5] = ["cnb", "cnb-helper", "cnb-init", "launcher", "lifecycle"];
/// `cnb-helper` is for backends that need one, and no part of what a library has by default.
const FEATURES: &str = "cnb-oci/helper";
/// What tests need more.
const TEST_FEATURES: &str = "cnb-oci/helper,cnb-core/conformance,cnb-llb/gateway";

const FRONTEND: &str = "cnb-frontend";
const PROBE: &str = "cnb-probe";

/// The most bytes that the launcher, which is in every image, may have.
pub(crate) const LAUNCHER_BYTES: u64 = 1_600_000;

/// Where [`dist`] puts the programs.
pub(crate) fn directory() -> PathBuf {
    workspace::target().join("dist")
}

/// Builds the programs and puts them beside each other.
///
/// # Errors
/// When one does not build or is not static, the launcher is larger than it may be, or it or the helper holds
/// what it must not.
pub(crate) fn dist() -> Result<()> {
    let output = build("--bin", &PROGRAMS, FEATURES)?;
    fs::create_dir_all(directory())?;
    for program in PROGRAMS {
        let new = directory().join(format!(".{program}.new"));
        fs::copy(output.join(program), &new)?;
        expect_static(&new)?;
        // A running program cannot be written to, but it can be replaced.
        fs::rename(new, directory().join(program))?;
    }
    expect_small_programs()?;
    println!("{} are in {}", PROGRAMS.join(", "), directory().display());
    Ok(())
}

/// Builds the frontend, which is in its image rather than beside the programs; returns where it is.
///
/// # Errors
/// When it does not build or is not static.
pub(crate) fn frontend() -> Result<PathBuf> {
    let program = build("--bin", &[FRONTEND], FEATURES)?.join(FRONTEND);
    expect_static(&program)?;
    Ok(program)
}

/// Builds [`dist`] and the probe of the suite of backends; returns the directory that has both.
///
/// # Errors
/// When one does not build or is not static.
pub(crate) fn with_probe() -> Result<PathBuf> {
    dist()?;
    Ok(probe()?.with_file_name(""))
}

/// Builds the probe of the suite of backends; returns where it is.
///
/// # Errors
/// When it does not build or is not static.
pub(crate) fn probe() -> Result<PathBuf> {
    let program = build("--bin", &[PROBE], TEST_FEATURES)?.join(PROBE);
    expect_static(&program)?;
    Ok(program)
}

/// Builds an example as a static program; returns where it is.
///
/// # Errors
/// When it does not build or is not static.
pub(crate) fn example(name: &str) -> Result<PathBuf> {
    let program = build("--example", &[name], TEST_FEATURES)?.join("examples").join(name);
    expect_static(&program)?;
    Ok(program)
}

/// Builds programs of [`PACKAGES`] of a kind; returns the directory where they are.
fn build(kind: &str, programs: &[&str], features: &str) -> Result<PathBuf> {
    let mut build = cargo(["build", "--features", features]);
    build.args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    build.args(programs.iter().flat_map(|program| [kind, program]));
    build_static(&mut build)
}

/// Runs a `cargo build` of the profile `static`, whose programs need no loader; returns the directory where they are.
///
/// # Errors
/// When the build fails.
pub(crate) fn build_static(build: &mut Command) -> Result<PathBuf> {
    build.args(["--profile", "static"]);
    // Without an explicit target the flag would be for proc macros too, and break them.
    build.args(["--target", TARGET]).env("CARGO_TARGET_DIR", workspace::target());
    command::run(build.env("RUSTFLAGS", STATIC))?;
    Ok(workspace::target().join(TARGET).join("static"))
}

/// Runs a benchmark of a package, compiled as the programs are; returns what it prints.
///
/// # Errors
/// When it does not build or fails.
pub(crate) fn benchmark(package: &str, name: &str, argument: &Path) -> Result<String> {
    let mut bench = cargo(["bench", "--profile", "static", "--package", package, "--bench", name]);
    bench.args(["--target", TARGET, "--"]).arg(argument);
    bench.env("CARGO_TARGET_DIR", workspace::target()).env("RUSTFLAGS", STATIC);
    command::read(&mut bench)
}

/// An ELF program that asks for no loader needs no library of the root file system.
fn expect_static(program: &Path) -> Result<()> {
    let headers = command::read(command::command("readelf").arg("--program-headers").arg(program))?;
    if headers.contains("INTERP") {
        return Err(format!("{} is not static", program.display()).into());
    }
    Ok(())
}

/// Crates that the launcher must not hold, those of them that the helper must not hold, and one that shows how crates are found: the lifecycle holds it.
const LARGE_CRATES: [&str; 5] = ["regex-", "rustls-", "tokio-", "tracing-subscriber-", "ureq-"];
/// The helper has patterns of files.
const NEEDED_BY_HELPER: &str = "regex-";
const CRATE_OF_LIFECYCLE: &str = "rustls-";

/// A crate is found by the names of its source files, which its panics mention.
fn expect_small_programs() -> Result<()> {
    let [helper, launcher, lifecycle] = ["cnb-helper", "launcher", "lifecycle"].map(|p| directory().join(p));
    let size = fs::metadata(&launcher)?.len();
    if size > LAUNCHER_BYTES {
        return Err(format!("the launcher has {size} bytes, more than {LAUNCHER_BYTES}").into());
    }
    if !holds(&lifecycle, CRATE_OF_LIFECYCLE)? {
        return Err(format!("the names of source files of {CRATE_OF_LIFECYCLE} are not in lifecycle").into());
    }
    for name in LARGE_CRATES {
        if holds(&launcher, name)? {
            return Err(format!("the launcher holds the crate {name}").into());
        }
        if name != NEEDED_BY_HELPER && holds(&helper, name)? {
            return Err(format!("cnb-helper holds the crate {name}").into());
        }
    }
    Ok(())
}

fn holds(program: &Path, name: &str) -> Result<bool> {
    let path = format!("/{name}");
    Ok(fs::read(program)?.windows(path.len()).any(|bytes| bytes == path.as_bytes()))
}
