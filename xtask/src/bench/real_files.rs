//! Files as applications have them: copies of what this machine has installed.

use std::fs;
use std::path::Path;

use crate::Result;

/// Where they come from.
const SOURCES: [&str; 2] = ["/usr/lib", "/usr/share"];

/// Copies regular files and their directories, in the order of their names, until there are so many bytes.
///
/// # Errors
/// When a file cannot be copied, or there are not enough.
pub(super) fn copy(to: &Path, bytes: u64) -> Result<()> {
    let mut left = bytes;
    for source in SOURCES {
        copy_directory(Path::new(source), &to.join(source.trim_start_matches('/')), &mut left)?;
    }
    if left > 0 {
        return Err(format!("{} have not {bytes} bytes", SOURCES.join(" and ")).into());
    }
    Ok(())
}

fn copy_directory(from: &Path, to: &Path, left: &mut u64) -> Result<()> {
    fs::create_dir_all(to)?;
    let mut entries = fs::read_dir(from)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (kind, to) = (entry.file_type()?, to.join(entry.file_name()));
        if *left == 0 {
            break;
        } else if kind.is_dir() {
            copy_directory(&entry.path(), &to, left)?;
        } else if kind.is_file() {
            *left = left.saturating_sub(fs::copy(entry.path(), to)?);
        }
    }
    Ok(())
}
