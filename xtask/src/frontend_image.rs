//! `cargo xtask frontend-image`: the image that `# syntax=` in a project.toml names.

use std::path::PathBuf;

use crate::Result;
use crate::programs;
use crate::static_image;

/// What BuildKit reads on the image before it starts the frontend in it. Source: `frontend/gateway/gateway.go` and
/// `frontend/dockerfile/builder/caps.go` of BuildKit.
pub(crate) const LABELS: [&str; 2] = [
    "moby.buildkit.frontend.caps=moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts",
    "moby.buildkit.frontend.network.none=true",
];
/// Bytes: the first build on each machine waits for them.
const MAX_SIZE: u64 = 15_000_000;

/// Makes the image: an OCI layout beside the programs, and in a registry if there is a reference.
///
/// # Errors
/// When the program does not build, the image is too large, or the registry does not take it.
pub(crate) fn run(reference: Option<&str>) -> Result<()> {
    let layout = make()?;
    match reference {
        Some(reference) => static_image::push(&layout, reference),
        None => Ok(()),
    }
}

/// Makes the image and returns the OCI layout that has it. Beside the frontend there is what it runs in containers: the
/// helper of the backend, and the `lifecycle` that saves caches.
///
/// # Errors
/// When a program does not build or the image is too large.
pub(crate) fn make() -> Result<PathBuf> {
    programs::dist()?;
    let (frontend, directory) = (programs::frontend()?, programs::directory());
    let all = [frontend, directory.join("cnb-helper"), directory.join("lifecycle")];
    let layout = directory.join("frontend-image");
    let size = static_image::make(&all.each_ref().map(AsRef::as_ref), &layout, &LABELS)?;
    println!("{} has {size} bytes", layout.display());
    if size > MAX_SIZE {
        return Err(format!("that is more than {MAX_SIZE}").into());
    }
    Ok(layout)
}
