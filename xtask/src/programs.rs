//! The programs that go into images: static, so that they run in any root file system.

use std::path::PathBuf;

use crate::Result;
use crate::command;
use crate::command::cargo;
use crate::workspace;

const TARGET: &str = "x86_64-unknown-linux-gnu";
const PROFILE: &str = "static";

/// Where [`build`] puts the programs.
pub(crate) fn directory() -> PathBuf {
    workspace::target().join(TARGET).join(PROFILE)
}

/// Builds `lifecycle`, `launcher` and `cnb`.
///
/// # Errors
/// When one does not build or is not static.
pub(crate) fn build() -> Result<()> {
    let mut build = cargo(["build", "--package", "cnb-lifecycle", "--package", "cnb-cli", "--bins"]);
    build.args(["--profile", PROFILE, "--target", TARGET]);
    // Without an explicit target this flag would break proc macros.
    command::run(build.env("RUSTFLAGS", "-C target-feature=+crt-static"))?;
    for program in ["lifecycle", "launcher", "cnb"] {
        expect_static(program)?;
    }
    Ok(())
}

/// An ELF program that asks for no loader needs no library of the root file system.
fn expect_static(program: &str) -> Result<()> {
    let path = directory().join(program);
    let headers = command::read(command::command("readelf").arg("--program-headers").arg(&path))?;
    if headers.contains("INTERP") {
        return Err(format!("{} is not static", path.display()).into());
    }
    Ok(())
}
