//! The buildpacks that have to be compiled.

use std::fs;
use std::os::unix::fs::symlink;

use crate::Result;
use crate::command;
use crate::command::cargo;
use crate::example;
use crate::programs;
use crate::workspace;

const MANIFEST: &str = "examples/buildpacks/procfile/Cargo.toml";

/// Puts `procfile` together: its descriptor and one program under two names.
///
/// # Errors
/// When it does not build.
pub(crate) fn make() -> Result<()> {
    let mut build = cargo(["build", "--release", "--locked", "--manifest-path", MANIFEST]);
    let output = programs::build_static(&mut build, &target())?.join("release/procfile");
    let directory = example::directory().join("buildpacks/procfile");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(directory.join("bin"))?;
    fs::copy(
        workspace::root().join(MANIFEST).with_file_name("buildpack.toml"),
        directory.join("buildpack.toml"),
    )?;
    fs::copy(output, directory.join("bin/build"))?;
    symlink("build", directory.join("bin/detect"))?;
    println!("procfile is in {}", directory.display());
    Ok(())
}

/// The tests of the buildpacks themselves.
///
/// # Errors
/// When one fails.
pub(crate) fn test() -> Result<()> {
    let mut test = cargo(["test", "--locked", "--manifest-path", MANIFEST]);
    command::run(test.env("CARGO_TARGET_DIR", target()))
}

fn target() -> std::path::PathBuf {
    workspace::target().join("procfile")
}
