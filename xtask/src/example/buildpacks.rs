//! The buildpacks that have to be compiled.

use std::fs;
use std::os::unix::fs::symlink;

use crate::Result;
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
    let mut build = cargo(["build", "--locked", "--manifest-path", MANIFEST]);
    let output = programs::build_static(&mut build)?.join("procfile");
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
