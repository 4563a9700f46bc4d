//! What is said of a file.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::FileType;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::buffer::spare_capacity;
use rustix::fs::lgetxattr;
use rustix::fs::llistxattr;

use crate::mode;
use crate::pb::fsutil::Stat;

/// Attributes of another operating system, which are not sent.
const SKIPPED: &str = "com.apple.";

/// What is said of the file at `path`, to be called `name`.
///
/// Source: `stat.go` and `stat_unix.go` of the Go module `github.com/tonistiigi/fsutil`; owners are root's, as Go's client
/// of BuildKit has it.
pub(crate) fn stat(path: &Path, name: &str, metadata: &Metadata) -> io::Result<Stat> {
    let kind = metadata.file_type();
    let linkname =
        if kind.is_symlink() { text(&std::fs::read_link(path)?, "a target")? } else { String::new() };
    let device = (metadata.mode() & 0o170_000, metadata.rdev());
    let (devmajor, devminor) = match device {
        (0o020_000 | 0o060_000, number) => (major(number), minor(number)),
        _ => (0, 0),
    };
    Ok(Stat {
        path: name.to_owned(),
        // Archives cannot hold sockets: they become empty files.
        mode: go_mode(kind, metadata.mode()) & !mode::SOCKET,
        uid: 0,
        gid: 0,
        size: if kind.is_dir() { 0 } else { i64::try_from(metadata.size()).unwrap_or(i64::MAX) },
        mod_time: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
        linkname,
        devmajor,
        devminor,
        xattrs: attributes(path)?.into_iter().collect(),
    })
}

/// Text, or an error that says that it is none.
pub(crate) fn text(path: &Path, what: &str) -> io::Result<String> {
    let unreadable =
        || io::Error::new(io::ErrorKind::InvalidData, format!("{what} is not in UTF-8: {}", path.display()));
    path.to_str().map(str::to_owned).ok_or_else(unreadable)
}

/// Go's mode for a kind of file and the bits of Unix.
fn go_mode(kind: FileType, unix: u32) -> u32 {
    let bits = if kind.is_dir() {
        mode::DIRECTORY
    } else if kind.is_symlink() {
        mode::SYMLINK
    } else if kind.is_char_device() {
        mode::DEVICE | mode::CHARACTERS
    } else if kind.is_block_device() {
        mode::DEVICE
    } else if kind.is_fifo() {
        mode::NAMED_PIPE
    } else if kind.is_socket() {
        mode::SOCKET
    } else {
        0
    };
    let special = mode::SPECIAL.iter().filter(|(bit, _)| unix & bit != 0).map(|(_, go)| go);
    special.fold(bits | (unix & 0o777), |mode, bit| mode | bit)
}

fn attributes(path: &Path) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut names = Vec::with_capacity(1024);
    match llistxattr(path, spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(rustix::io::Errno::NOTSUP) => return Ok(BTreeMap::new()),
        Err(rustix::io::Errno::RANGE) => {
            names.reserve(64 * 1024);
            llistxattr(path, spare_capacity(&mut names))?;
        }
        Err(error) => return Err(error.into()),
    }
    let names =
        names.split_inclusive(|byte| *byte == 0).filter_map(|name| CStr::from_bytes_with_nul(name).ok());
    let names = names.filter_map(|name| name.to_str().ok()).filter(|name| !name.starts_with(SKIPPED));
    Ok(names.filter_map(|name| Some((name.to_owned(), attribute(path, name)?))).collect())
}

/// None for one that cannot be read, which is passed over as Go does.
fn attribute(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = Vec::with_capacity(64 * 1024);
    lgetxattr(path, name, spare_capacity(&mut value)).ok()?;
    Some(value)
}

fn major(device: u64) -> i64 {
    i64::from(rustix::fs::major(device))
}

fn minor(device: u64) -> i64 {
    i64::from(rustix::fs::minor(device))
}
