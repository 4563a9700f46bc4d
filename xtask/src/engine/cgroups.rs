//! What is left of control groups when the processes in them were killed.

use std::fs;
use std::path::Path;
use std::path::PathBuf;

const MOUNT: &str = "/sys/fs/cgroup";

/// Removes a group below the root and all groups in it, in each hierarchy. Those that cannot be removed have processes.
pub(super) fn remove(name: &str) {
    let hierarchies = directories(Path::new(MOUNT));
    for group in hierarchies.iter().map(|hierarchy| hierarchy.join(name)).chain([Path::new(MOUNT).join(name)])
    {
        remove_tree(&group);
    }
}

/// Groups are removed as directories although they have files.
fn remove_tree(group: &Path) {
    for child in directories(group) {
        remove_tree(&child);
    }
    let removed = fs::remove_dir(group);
    if let Err(error) = removed
        && error.kind() != std::io::ErrorKind::NotFound
    {
        eprintln!("cannot remove {}: {error}", group.display());
    }
}

fn directories(of: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(of).into_iter().flatten().filter_map(Result::ok);
    entries
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| entry.path())
        .collect()
}
