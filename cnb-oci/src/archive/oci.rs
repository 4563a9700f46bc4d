//! `oci-archive`: a tar of an OCI layout.

use std::fs::File;
use std::io;
use std::io::BufReader;
use std::io::Cursor;
use std::io::Read;
use std::path::Path;
use std::path::PathBuf;

use flate2::read::MultiGzDecoder;

use super::ArchiveWriter;
use super::Error;
use crate::blob;
use crate::descriptor::Index;
use crate::layout::INDEX_FILE;
use crate::layout::Layout;
use crate::layout::VERSION;
use crate::layout::VERSION_FILE;

/// Writes all images of a layout and what they refer to, in place of a file of that name.
///
/// # Errors
/// [`Error::Layout`] and [`Error::Blob`], also when a blob is corrupt: no archive is written then.
pub fn write(layout: &Layout, file: &Path) -> Result<(), Error> {
    let index = layout.index()?;
    let blobs = layout.reachable(&index)?;
    let mut archive = ArchiveWriter::new(file)?;
    archive.file(VERSION_FILE, VERSION.as_bytes())?;
    archive.file(INDEX_FILE, &serde_json::to_vec(&index).expect("it can be serialised"))?;
    archive.directory("blobs")?;
    archive.directory("blobs/sha256")?;
    for blob in &blobs {
        archive.blob(layout.blobs(), blob)?;
    }
    archive.finish()
}

/// Unpacks an archive, which may be compressed with gzip and come through a pipe, into a layout in a directory that has none. The
/// digests of all blobs are verified; what is no part of a layout is left out.
///
/// # Errors
/// [`Error::NoLayout`], [`Error::Tar`]; [`blob::Error::Corrupt`] in [`Error::Blob`].
pub fn read(file: &Path, directory: &Path) -> Result<Layout, Error> {
    let failed = |source| Error::tar(file, source);
    let missing = |missing| Error::NoLayout { path: file.to_owned(), missing };
    let layout = Layout::create(directory)?;
    let mut has_version = false;
    let mut index = None;
    let mut archive = tar::Archive::new(open(file)?);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = name(&entry.path_bytes());
        match path.as_str() {
            VERSION_FILE => has_version = true,
            INDEX_FILE => index = Some(parse_index(&mut entry, file)?),
            path => {
                if let Some(hex) = path.strip_prefix("blobs/sha256/") {
                    take_blob(&layout, hex, &mut entry, file)?;
                }
            }
        }
    }
    if !has_version {
        return Err(missing(VERSION_FILE));
    }
    let index = index.ok_or_else(|| missing(INDEX_FILE))?;
    layout.change_index(|empty| *empty = index)?;
    Ok(layout)
}

/// The tar in a file, which may be a pipe: it is read once.
fn open(path: &Path) -> Result<Box<dyn Read>, Error> {
    let mut file = File::open(path).map_err(blob::Error::io("open", path))?;
    let mut magic = Vec::new();
    file.by_ref().take(2).read_to_end(&mut magic).map_err(blob::Error::io("read", path))?;
    let is_compressed = magic == [0x1f, 0x8b];
    let file = BufReader::with_capacity(256 * 1024, Cursor::new(magic).chain(file));
    Ok(if is_compressed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

/// The name of an entry without `./` before it. What is not UTF-8 is none of the names looked for.
fn name(path: &[u8]) -> String {
    let name = String::from_utf8_lossy(path);
    name.strip_prefix("./").unwrap_or(&name).to_owned()
}

fn parse_index(entry: &mut dyn Read, file: &Path) -> Result<Index, Error> {
    let mut bytes = Vec::new();
    let read = entry.take(blob::MAX_DOCUMENT).read_to_end(&mut bytes);
    read.map_err(|source| Error::tar(file, source))?;
    Ok(crate::layout::parse(&bytes, &file.join(INDEX_FILE))?)
}

fn take_blob(layout: &Layout, hex: &str, entry: &mut dyn Read, file: &Path) -> Result<(), Error> {
    let Ok(digest) = format!("sha256:{hex}").parse() else {
        return Ok(());
    };
    let mut writer = layout.blobs().writer()?;
    // The names of errors are those of the archive: the layout is somewhere the user does not know.
    let path: PathBuf = file.join("blobs/sha256").join(hex);
    let mut reader = Checked { entry, failed: None };
    let copied = writer.copy_from(&mut reader, &path);
    if let Some(source) = reader.failed {
        return Err(Error::tar(file, source));
    }
    copied?;
    Ok(writer.finish_as(&digest, &path)?)
}

/// Tells errors of the archive from those of the disk that it is unpacked to.
struct Checked<'a> {
    entry: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.entry.read(buffer).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }
}
