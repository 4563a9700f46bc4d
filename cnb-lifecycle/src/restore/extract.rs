//! Unpacks the tar of a layer where it came from: into `<layers>`.
//!
//! Source: `archive/extract.go` of the lifecycle: new directories and files get the modes of the tar whatever the
//! umask is, directories that exist keep theirs, owners are those of the process, and only directories, files and
//! symbolic links are known. Other than there, nothing is written outside of `<layers>`, by a path or by a link.

use std::collections::BTreeSet;
use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::fs::Permissions;
use std::io;
use std::io::Read;
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::fs::symlink;
use std::path::Component;
use std::path::Path;
use std::path::PathBuf;

use tar::EntryType;

/// Why a layer cannot be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    /// The tar cannot be read.
    #[error("error extracting from archive")]
    Archive(#[source] io::Error),
    /// A path leads out of the layers, directly or through a link.
    #[error("the path {} is outside of the layers", .0.display())]
    Outside(PathBuf),
    /// The tar has something that is no directory, file or symbolic link.
    #[error("unknown file type in tar {kind} for {}", path.display())]
    UnknownType {
        /// The byte of its type.
        kind: u8,
        /// Where it would go.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error("failed to write {}", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Unpacks a tar with paths below `layers`, which is absolute. The tar is read to its end.
///
/// # Errors
/// When something in the tar cannot be or must not be unpacked: what came before stays.
pub fn extract(tar: impl Read, layers: &Path) -> Result<(), ExtractError> {
    let mut new_directories = Vec::new();
    // Nothing in a tar takes a directory away, so that each is looked at but once.
    let mut known = BTreeSet::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut archive = tar::Archive::new(tar);
    for entry in archive.entries().map_err(ExtractError::Archive)? {
        let mut entry = entry.map_err(ExtractError::Archive)?;
        let path = absolute(&entry.path_bytes());
        let kind = entry.header().entry_type();
        let mode = entry.header().mode().map_err(ExtractError::Archive)? & 0o7777;
        if kind == EntryType::XGlobalHeader {
            continue;
        }
        if layers.starts_with(&path) && path != layers && kind.is_dir() {
            make(&path)?;
            continue;
        }
        let is_in_known = path.parent().is_some_and(|parent| known.contains(parent));
        if !is_in_known && !is_inside(&path, layers) {
            return Err(ExtractError::Outside(path));
        }
        let failed = |source| ExtractError::Write { path: path.clone(), source };
        match kind {
            EntryType::Directory => {
                if !path.exists() {
                    make_for_all(&path)?;
                    known.insert(path.clone());
                    new_directories.push((path, mode));
                }
            }
            EntryType::Regular | EntryType::Continuous => {
                if !is_in_known {
                    let parent = path.parent().unwrap_or(layers);
                    make(parent)?;
                    if parent.starts_with(layers) {
                        known.insert(parent.to_owned());
                    }
                }
                write(&path, &mut entry, mode, &mut buffer)?;
            }
            EntryType::Symlink => {
                let target = entry.link_name_bytes().unwrap_or_default();
                symlink(std::ffi::OsStr::from_bytes(&target), &path).map_err(failed)?;
            }
            other => return Err(ExtractError::UnknownType { kind: other.as_byte(), path }),
        }
    }
    // What verifies a tar does so at its very end.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(ExtractError::Archive)?;
    // Last, so that directories which nobody may write can be filled.
    for (path, mode) in new_directories {
        fs::set_permissions(&path, Permissions::from_mode(mode))
            .map_err(|source| ExtractError::Write { path, source })?;
    }
    Ok(())
}

/// The path of an entry, from the root on.
pub(super) fn absolute(name: &[u8]) -> PathBuf {
    let name = Path::new(std::ffi::OsStr::from_bytes(name));
    let mut path = PathBuf::from("/");
    for part in name.components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(part) => path.push(part),
            _ => {}
        }
    }
    path
}

/// Whether the path is `layers` or below, and no directory from there on is a link.
fn is_inside(path: &Path, layers: &Path) -> bool {
    let parents = path.ancestors().skip(1).take_while(|parent| parent.starts_with(layers));
    path.starts_with(layers) && !parents.into_iter().any(Path::is_symlink)
}

fn make(path: &Path) -> Result<(), ExtractError> {
    fs::create_dir_all(path).map_err(|source| ExtractError::Write { path: path.to_owned(), source })
}

/// Makes a directory and those above it for everybody, as Go does until everything is there; those above that are
/// not in the tar stay so.
fn make_for_all(path: &Path) -> Result<(), ExtractError> {
    let new: Vec<&Path> = path.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    make(path)?;
    for directory in new {
        fs::set_permissions(directory, Permissions::from_mode(0o777))
            .map_err(|source| ExtractError::Write { path: directory.to_owned(), source })?;
    }
    Ok(())
}

/// Writes a file. One that exists keeps its mode; a link is not followed.
fn write(path: &Path, content: &mut impl Read, mode: u32, buffer: &mut [u8]) -> Result<(), ExtractError> {
    let failed = |source| ExtractError::Write { path: path.to_owned(), source };
    let mut file = open(path, mode).map_err(failed)?;
    loop {
        match content.read(buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => file.write_all(&buffer[..read]).map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ExtractError::Archive(error)),
        }
    }
}

fn open(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            // Before the content: writing takes set-user-ID and set-group-ID away from those who must not set them.
            file.set_permissions(Permissions::from_mode(mode))?;
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
            options.truncate(true).custom_flags(flags).open(path)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(builder: &mut tar::Builder<Vec<u8>>, path: &str, kind: EntryType, mode: u32, content: &str) {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(mode);
        if kind == EntryType::Symlink {
            header.set_link_name(content).expect("a short name");
        }
        let content = if kind == EntryType::Regular { content } else { "" };
        header.set_size(content.len() as u64);
        // The crate refuses absolute names; layers of the lifecycle have them.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).expect("memory");
    }

    fn unpack(layers: &Path, entries: &[(&str, EntryType, u32, &str)]) -> Result<(), ExtractError> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, mode, content) in entries {
            let path = path.replace("<layers>", &layers.display().to_string());
            entry(&mut builder, &path, *kind, *mode, content);
        }
        extract(builder.into_inner().expect("memory").as_slice(), layers)
    }

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("a file").permissions().mode() & 0o7777
    }

    #[test]
    fn new_files_get_their_modes_and_old_directories_keep_theirs() {
        let root = tempfile::tempdir().expect("a directory");
        let layers = root.path().join("layers");
        fs::create_dir_all(layers.join("old")).expect("a directory");
        fs::set_permissions(layers.join("old"), Permissions::from_mode(0o700)).expect("a mode");
        unpack(
            &layers,
            &[
                ("<layers>", EntryType::Directory, 0o777, ""),
                ("<layers>/old", EntryType::Directory, 0o755, ""),
                ("<layers>/new", EntryType::Directory, 0o1777, ""),
                ("<layers>/ro", EntryType::Directory, 0o555, ""),
                ("<layers>/ro/f", EntryType::Regular, 0o666, "x"),
                ("<layers>/deep/er/f", EntryType::Regular, 0o600, "y"),
                ("<layers>/link", EntryType::Symlink, 0o777, "/etc/passwd"),
            ],
        )
        .expect("unpacked");
        let modes = ["old", "new", "ro", "ro/f", "deep/er/f"].map(|name| mode(&layers.join(name)));
        assert_eq!(modes, [0o700, 0o1777, 0o555, 0o666, 0o600]);
        assert_eq!(fs::read_to_string(layers.join("ro/f")).expect("a file"), "x");
        assert_eq!(fs::read_link(layers.join("link")).expect("a link"), Path::new("/etc/passwd"));
    }

    #[test]
    fn nothing_leaves_the_layers() {
        let cases: &[&[(&str, EntryType, u32, &str)]] = &[
            &[("/etc/x", EntryType::Regular, 0o644, "x")],
            &[("<layers>/../x", EntryType::Regular, 0o644, "x")],
            &[("<layers>/../x", EntryType::Directory, 0o755, "")],
            &[
                ("<layers>/s", EntryType::Symlink, 0o777, ".."),
                ("<layers>/s/x", EntryType::Regular, 0o644, "x"),
            ],
            &[
                ("<layers>/s", EntryType::Symlink, 0o777, ".."),
                ("<layers>/s/x/y", EntryType::Directory, 0o755, ""),
            ],
            &[
                ("<layers>/s", EntryType::Symlink, 0o777, "../x"),
                ("<layers>/s", EntryType::Regular, 0o644, "x"),
            ],
            &[
                ("<layers>", EntryType::Regular, 0o644, "x"),
                ("<layers>/../x", EntryType::Regular, 0o644, "x"),
            ],
            &[
                ("<layers>/d/f", EntryType::Regular, 0o644, "x"),
                ("<layers>/d/s", EntryType::Symlink, 0o777, "../.."),
                ("<layers>/d/s/x", EntryType::Regular, 0o644, "x"),
            ],
            &[("<layers>", EntryType::Symlink, 0o777, "."), ("<layers>/x", EntryType::Regular, 0o644, "x")],
            &[
                ("<layers>", EntryType::Symlink, 0o777, ".."),
                ("<layers>/x/y", EntryType::Symlink, 0o777, "/"),
            ],
            &[("<layers>/p", EntryType::Fifo, 0o644, "")],
            &[("<layers>/h", EntryType::Link, 0o644, "")],
        ];
        for entries in cases {
            let root = tempfile::tempdir().expect("a directory");
            let layers = root.path().join("layers");
            if entries[0].0 != "<layers>" {
                fs::create_dir(&layers).expect("a directory");
            }
            unpack(&layers, entries).expect_err("refused");
            assert!(!root.path().join("x").exists(), "{entries:?}");
        }
    }
}
