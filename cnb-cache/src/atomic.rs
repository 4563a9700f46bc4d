//! Files and directories that appear under their name complete or not at all.

use std::fs;
use std::fs::DirEntry;
use std::fs::File;
use std::io;
use std::io::Write as _;
use std::path::Path;

/// Writes a file that replaces the one of that name when it is on the disk. Only one writer at a time may write
/// a file of that name.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    // What is left of a writer that was killed, or a link to a file of somebody.
    remove_any(Path::new(&new))?;
    let mut file = File::create_new(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Waits until the names in a directory are on the disk.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// What is in a directory; nothing if there is none.
pub(crate) fn list(path: &Path) -> io::Result<Vec<DirEntry>> {
    match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.collect(),
    }
}

/// Removes a file, a link, or a directory with everything in it, if it exists.
pub(crate) fn remove_any(path: &Path) -> io::Result<()> {
    let is_directory = fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir());
    match if is_directory { fs::remove_dir_all(path) } else { fs::remove_file(path) } {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// Removes a directory and everything in it, if it exists.
pub(crate) fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
