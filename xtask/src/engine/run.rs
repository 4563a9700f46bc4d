//! The directories of engines that run, one for each process of ours: `target/engines/run-PID/NAME-N`.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

use super::cgroups;
use super::packages;
use crate::Result;

const PREFIX: &str = "run-";

/// A new directory for what runs under a name, after removing what killed processes left.
///
/// # Errors
/// When it cannot be made.
pub(super) fn create(name: &str) -> Result<PathBuf> {
    let parent = packages::directory();
    fs::create_dir_all(&parent)?;
    for entry in fs::read_dir(&parent)? {
        remove_stale(&entry?.path())?;
    }
    let of_process = parent.join(format!("{PREFIX}{}", std::process::id()));
    fs::create_dir_all(&of_process)?;
    let mut candidates = (0_u32..).map(|number| of_process.join(format!("{name}-{number}")));
    let free = candidates.find(|candidate| !candidate.exists()).expect("there are enough numbers");
    fs::create_dir(&free)?;
    Ok(free)
}

/// Removes what [`create`] made; that of the process goes with the last.
pub(super) fn remove(directory: &Path) {
    if let Err(error) = fs::remove_dir_all(directory) {
        eprintln!("cannot remove {}: {error}", directory.display());
    }
    let of_process = directory.parent().expect("it is below the directory of the process");
    // Others of this process may still be there.
    let _ = fs::remove_dir(of_process);
}

/// The control group of an engine in a directory.
pub(super) fn cgroup(directory: &Path) -> String {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let of_process = directory.parent().expect("it is below the directory of the process");
    format!("cnb-{}-{}", name(of_process), name(directory))
}

fn remove_stale(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let Some(pid) = name.strip_prefix(PREFIX) else { return Ok(()) };
    if Path::new("/proc").join(pid).exists() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        let directory = entry?.path();
        cgroups::remove(&cgroup(&directory));
        remove(&directory);
    }
    Ok(())
}
