//! The root file systems of the build and the run image.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use crate::Result;
use crate::command;
use crate::debian;
use crate::example;
use crate::workspace;

/// The root file system `build` or `run`, which is made when there is none newer than its recipe.
///
/// # Errors
/// When Debian's packages cannot be had.
pub(crate) fn make(name: &str) -> Result<PathBuf> {
    let recipe = workspace::root().join("examples/builder/make-base");
    let output = example::directory().join(format!("{name}.tar"));
    if is_newer(&output, &recipe) {
        return Ok(output);
    }
    debian::ensure(&["mmdebstrap"])?;
    println!("making the {name} base from Debian packages");
    fs::create_dir_all(example::directory())?;
    command::run(command::command(recipe).arg(name).arg(&output))?;
    Ok(output)
}

fn is_newer(output: &Path, recipe: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    modified(output).is_ok_and(|output| modified(recipe).is_ok_and(|recipe| output > recipe))
}
