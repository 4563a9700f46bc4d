//! The tar of a directory, with the owners and modes that its files have.

use std::fs;
use std::fs::File;
use std::fs::Metadata;
use std::io;
use std::io::Write;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::path::PathBuf;

use tar::Builder;
use tar::EntryType;
use tar::Header;

/// Writes what is below `root` in the order of the names. Times are zero: they say when it was copied.
pub(super) fn write(root: &Path, writer: impl Write) -> io::Result<()> {
    let mut builder = Builder::new(writer);
    let mut directories = vec![PathBuf::new()];
    while let Some(directory) = directories.pop() {
        let mut names: Vec<_> = fs::read_dir(root.join(&directory))?
            .map(|entry| Ok(entry?.file_name()))
            .collect::<io::Result<_>>()?;
        names.sort();
        let mut below = Vec::new();
        for name in names {
            let path = directory.join(name);
            if append(&mut builder, root, &path)?.is_dir() {
                below.push(path);
            }
        }
        directories.extend(below.into_iter().rev());
    }
    builder.into_inner()?.flush()
}

fn append(builder: &mut Builder<impl Write>, root: &Path, path: &Path) -> io::Result<Metadata> {
    let full = root.join(path);
    let metadata = full.symlink_metadata()?;
    let kind = metadata.file_type();
    if kind.is_socket() {
        // A socket is of the process that listens on it.
        return Ok(metadata);
    }
    let mut header = Header::new_gnu();
    header.set_metadata(&metadata);
    header.set_mtime(0);
    if kind.is_symlink() {
        header.set_entry_type(EntryType::Symlink);
        builder.append_link(&mut header, path, fs::read_link(&full)?)?;
    } else if kind.is_file() {
        builder.append_data(&mut header, path, File::open(&full)?)?;
    } else {
        builder.append_data(&mut header, path, io::empty())?;
    }
    Ok(metadata)
}
