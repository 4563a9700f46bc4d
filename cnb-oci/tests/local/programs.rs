//! The static programs that containers need.

use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

/// Built once, beside the tests.
static BUILT: LazyLock<Result<PathBuf, String>> = LazyLock::new(build);

/// The directory of `cnb-init` and `cnb-probe`.
pub(crate) fn directory() -> Result<PathBuf, String> {
    BUILT.clone()
}

fn build() -> Result<PathBuf, String> {
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package is in a workspace");
    let output = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--package", "cnb-oci", "--bin", "cnb-init"])
        .args(["--package", "cnb-core", "--features", "cnb-core/conformance", "--bin", "cnb-probe"])
        .args(["--target", &target])
        .current_dir(workspace)
        // Without an explicit target this flag would break proc macros.
        .env("RUSTFLAGS", "-C target-feature=+crt-static")
        .output()
        .map_err(|error| format!("could not start cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("could not build: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let all = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace.join("target"), PathBuf::from);
    Ok(all.join(target).join("debug"))
}
