//! Files of trees, read whole.

use std::fs::File;
use std::io::Read as _;

use bytes::Bytes;
use cnb_core::backend::Result;
use rustix::fs::FileType;
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::error::from_io;
use super::error::unreadable;
use super::inside;
use super::inside::Inside;

/// The content of a regular file; links are followed inside the tree.
pub(crate) fn read(tree: &Inside, path: &str) -> Result<Bytes> {
    inside::check(path)?;
    let cannot = |error: Errno| unreadable(path, error);
    // Not `RDONLY` at once: opening a pipe would wait for who writes to it.
    let found = tree.open(path, OFlags::PATH).map_err(cannot)?;
    let stat = rustix::fs::fstat(&found).map_err(cannot)?;
    match inside::kind(&stat) {
        FileType::RegularFile => {}
        FileType::Directory => return Err(cannot(Errno::ISDIR)),
        _ => return Err(cannot(Errno::INVAL)),
    }
    let file = tree.open(path, OFlags::RDONLY).map_err(cannot)?;
    let mut content = Vec::new();
    File::from(file)
        .read_to_end(&mut content)
        .map_err(|error| from_io(format!("could not read {path}"), error))?;
    Ok(content.into())
}
