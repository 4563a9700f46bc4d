//! Images of static programs alone: frontends and what tests run.

use std::fs;
use std::path::Path;

use crate::Result;
use crate::command;
use crate::command::cargo;
use crate::command::command;
use crate::debian;
use crate::workspace;

const TAG: &str = "latest";
/// What makes the image.
const EXAMPLE: &str = "static-image";

/// Makes a layout that has nothing but the image of programs, the first of which it starts, with labels as `NAME=VALUE`.
/// Returns the bytes of the image.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn make(programs: &[&Path], layout: &Path, labels: &[&str]) -> Result<u64> {
    if layout.exists() {
        fs::remove_dir_all(layout)?;
    }
    // As the tests have it: whoever runs them has compiled it.
    let mut build = cargo(["build", "--quiet", "--workspace", "--all-features", "--example", EXAMPLE]);
    // Where it is looked for, whatever the environment says.
    build.env("CARGO_TARGET_DIR", workspace::target()).env_remove("CARGO_BUILD_TARGET");
    command::run(&mut build)?;
    let mut make = command(workspace::target().join("debug/examples").join(EXAMPLE));
    make.arg(layout).arg(TAG).args(programs).args(labels);
    command::run(&mut make)?;
    let blobs = fs::read_dir(layout.join("blobs/sha256"))?;
    blobs.map(|blob| Ok(blob?.metadata()?.len())).sum()
}

/// What `skopeo` calls the image of such a layout.
pub(crate) fn name(layout: &Path) -> String {
    format!("oci:{}:{TAG}", layout.display())
}

/// Puts the image of such a layout into a registry, which speaks TLS unless it is on loopback.
///
/// # Errors
/// When the registry does not take it.
pub(crate) fn push(layout: &Path, reference: &str) -> Result<()> {
    debian::ensure(&["skopeo"])?;
    let tls = !["127.0.0.1:", "localhost:"].iter().any(|loopback| reference.starts_with(loopback));
    let mut copy = command("skopeo");
    copy.args(["copy", "--quiet", "--insecure-policy", &format!("--dest-tls-verify={tls}"), &name(layout)]);
    command::run(copy.arg(format!("docker://{reference}")))
}
