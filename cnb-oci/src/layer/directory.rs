//! Files of a directory as entries of a layer.

use std::ffi::OsStr;
use std::ffi::OsString;
use std::fs;
use std::fs::Metadata;
use std::fs::OpenOptions;
use std::io;
use std::io::Write;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use cnb_core::backend;
use cnb_core::backend::Ownership;
use cnb_core::backend::Parent;
use cnb_core::backend::User;

use super::Error;
use super::header::Header;
use super::header::Kind;
use super::slices;
use super::writer::LayerWriter;

/// Which files below a directory become entries, in which order.
///
/// [`backend::Select`] for paths that need not be UTF-8.
#[derive(Clone, Debug)]
pub enum Selection {
    /// All, the directory itself first, depth first, names of one directory in byte order.
    Walk,
    /// All, the directory itself included, in byte order of their paths: `a`, `a-b`, `a/c`.
    Sorted,
    /// These, in this order: paths relative to the directory, `.` for itself. Without any path, the layer
    /// has no entries at all.
    Paths(Vec<PathBuf>),
}

impl From<backend::Select> for Selection {
    fn from(select: backend::Select) -> Self {
        match select {
            backend::Select::Paths(paths) => Self::Paths(paths.into_iter().map(PathBuf::from).collect()),
            backend::Select::Sorted => Self::Sorted,
            _ => Self::Walk,
        }
    }
}

impl<W: Write> LayerWriter<W> {
    /// Adds the parents that `ownership` names, then files of the directory `from`, which is at the absolute
    /// path `to` in the image. All belong to the owner that `ownership` names, and have the modes of the
    /// file system.
    ///
    /// Hard links become files of their own; sockets are left out; extended attributes are not kept.
    /// Source: `layers/dir.go` and `layers/slices.go` of the Go lifecycle.
    ///
    /// # Errors
    /// [`Error::Read`] when a file cannot be read, [`Error::Changed`] when it changes while it is read,
    /// [`Error::Outside`] when a path of the selection leaves the directory.
    pub fn directory(
        &mut self,
        from: &Path,
        to: &Path,
        selection: &Selection,
        ownership: &Ownership,
    ) -> Result<(), Error> {
        if matches!(selection, Selection::Paths(paths) if paths.is_empty()) {
            return Ok(());
        }
        for parent in &ownership.parents {
            self.parent(parent)?;
        }
        visit(from, selection, &mut |path, metadata| {
            let name = join(to, path);
            self.file_on_disk(&join(from, path), name.as_os_str().as_bytes(), metadata, ownership.owner)
        })
    }

    /// Adds the file `file` as `path`, unless it is a socket.
    pub(super) fn file_on_disk(
        &mut self,
        file: &Path,
        path: &[u8],
        metadata: &Metadata,
        owner: User,
    ) -> Result<(), Error> {
        let target;
        let file_type = metadata.file_type();
        let kind = if file_type.is_file() {
            Kind::Regular { size: metadata.len() }
        } else if file_type.is_dir() {
            Kind::Directory
        } else if file_type.is_symlink() {
            target = fs::read_link(file).map_err(|source| Error::read(file, source))?;
            Kind::Symlink { target: target.as_os_str().as_bytes() }
        } else if file_type.is_fifo() {
            Kind::Fifo
        } else if file_type.is_socket() {
            return Ok(());
        } else {
            device(metadata)
        };
        let mode = metadata.mode() & 0o7777;
        self.header(Header { path, kind, mode, uid: owner.uid, gid: owner.gid, mtime: 0 })?;
        if let Kind::Regular { size } = kind { self.regular(file, size) } else { Ok(()) }
    }

    /// Adds the content of a file that had this size a moment ago.
    fn regular(&mut self, path: &Path, size: u64) -> Result<(), Error> {
        let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(path)
            .map_err(|source| Error::read(path, source))?;
        self.content(&mut file, size, path)
    }
}

/// Calls `visit` with the path, relative to `from`, and the metadata of each file that is selected.
pub(crate) fn visit<E: From<Error>>(
    from: &Path,
    selection: &Selection,
    visit: &mut dyn FnMut(&Path, &Metadata) -> Result<(), E>,
) -> Result<(), E> {
    match selection {
        Selection::Walk => walk(from, visit),
        Selection::Sorted => {
            let mut paths = paths(from)?;
            paths.sort_unstable_by(|a, b| a.as_os_str().cmp(b.as_os_str()));
            these(from, &paths, visit)
        }
        Selection::Paths(paths) => these(from, paths, visit),
    }
}

fn these<E: From<Error>>(
    from: &Path,
    paths: &[PathBuf],
    visit: &mut dyn FnMut(&Path, &Metadata) -> Result<(), E>,
) -> Result<(), E> {
    for path in paths {
        let path = inside(path)?;
        let file = join(from, path);
        let metadata = fs::symlink_metadata(&file).map_err(|source| Error::read(&file, source))?;
        visit(path, &metadata)?;
    }
    Ok(())
}

/// All files of a directory that is to be sliced, in byte order of their paths, for [`slices::split`].
///
/// # Errors
/// [`Error::Read`].
pub fn entries(directory: &Path) -> Result<Vec<slices::Entry>, Error> {
    let mut entries = Vec::new();
    walk::<Error>(directory, &mut |path, metadata| {
        let path = if path.as_os_str().is_empty() { OsStr::new(".") } else { path.as_os_str() };
        entries.push(slices::Entry { path: path.as_bytes().to_vec(), is_directory: metadata.is_dir() });
        Ok(())
    })?;
    Ok(entries)
}

/// The directories above `directory` with the owners and modes that they have in the file system, outermost
/// first and without `/`: what a program that runs inside the image it describes passes on.
///
/// # Errors
/// [`Error::Read`], also when a path is not UTF-8.
pub fn parents_on_disk(directory: &Path) -> Result<Vec<Parent>, Error> {
    let mut parents = Vec::new();
    for path in directory.ancestors().skip(1).filter(|path| path.parent().is_some()) {
        let metadata = fs::metadata(path).map_err(|source| Error::read(path, source))?;
        let text = path.to_str().ok_or_else(|| Error::read(path, io::ErrorKind::InvalidFilename.into()))?;
        let owner = User::new(metadata.uid(), metadata.gid());
        parents.push(Parent { path: text.to_owned(), owner, mode: metadata.mode() & 0o7777 });
    }
    parents.reverse();
    Ok(parents)
}

fn device(metadata: &Metadata) -> Kind<'static> {
    let (major, minor) = (rustix::fs::major(metadata.rdev()), rustix::fs::minor(metadata.rdev()));
    if metadata.file_type().is_block_device() {
        Kind::Block { major, minor }
    } else {
        Kind::Character { major, minor }
    }
}

/// `path` without a leading or lonely `.`; it must not leave the directory.
fn inside(path: &Path) -> Result<&Path, Error> {
    let path = path.strip_prefix(".").unwrap_or(path);
    let is_name = |component| matches!(component, Component::Normal(_));
    if path.components().all(is_name) { Ok(path) } else { Err(Error::Outside { path: path.to_owned() }) }
}

/// `Path::join` adds a `/` at the end for an empty path.
pub(crate) fn join(directory: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { directory.to_owned() } else { directory.join(path) }
}

fn paths(root: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = Vec::new();
    walk::<Error>(root, &mut |path, _| {
        paths.push(path.to_owned());
        Ok(())
    })?;
    Ok(paths)
}

/// Calls `visit` with the path and metadata of `root`, whose path is empty, and all that is below it.
pub(super) fn walk<E: From<Error>>(
    root: &Path,
    visit: &mut dyn FnMut(&Path, &Metadata) -> Result<(), E>,
) -> Result<(), E> {
    let mut waiting = vec![PathBuf::new()];
    while let Some(path) = waiting.pop() {
        let file = join(root, &path);
        let metadata = fs::symlink_metadata(&file).map_err(|source| Error::read(&file, source))?;
        visit(&path, &metadata)?;
        if metadata.is_dir() {
            let names = names(&file)?;
            waiting.extend(names.into_iter().rev().map(|name| path.join(name)));
        }
    }
    Ok(())
}

/// The names in a directory, in byte order.
fn names(directory: &Path) -> Result<Vec<OsString>, Error> {
    let entries = fs::read_dir(directory).map_err(|source| Error::read(directory, source))?;
    let names: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.file_name())).collect();
    let mut names = names.map_err(|source| Error::read(directory, source))?;
    names.sort_unstable();
    Ok(names)
}
